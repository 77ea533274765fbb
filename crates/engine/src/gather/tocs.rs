//! The tables of contents (TOC) of layers, read to be compared with the layers' tars.

use lockgate_model::ports::{PortError, Registry};
use lockgate_model::{Descriptor, Repository};
use lockgate_scan::layer::toc::{Toc, TocPlace, TocRef};
use lockgate_scan::{LayerContent, Tocs};

use super::layers::interrupted;

/// The TOCs that a layer's descriptor names and that `known`, what was found in the layer before, was not compared with. One
/// that is not what the annotations say is no error: that is what comparing it tells.
///
/// Errors: the registry does not answer.
pub(super) async fn read(
    registry: &dyn Registry,
    repository: &Repository,
    layer: &Descriptor,
    known: Option<&LayerContent>,
) -> Result<Tocs, PortError> {
    let is_known = |toc: &TocRef| known.is_some_and(|content| toc.is_compared(content));
    let mut tocs = Tocs::new();
    for toc in TocRef::of(layer).into_iter().filter(|toc| !is_known(toc)) {
        let read = read_one(registry, repository, layer, &toc).await?;
        tocs.push((toc, read));
    }
    Ok(tocs)
}

async fn read_one(
    registry: &dyn Registry,
    repository: &Repository,
    layer: &Descriptor,
    toc: &TocRef,
) -> Result<Result<Toc, String>, PortError> {
    let range = match toc.place(layer.size) {
        Ok(TocPlace::At(range)) => Ok(range),
        Ok(TocPlace::ByFooter(range)) => {
            let footer = registry.blob_range(repository, layer, range).await?;
            toc.by_footer(&footer, layer.size)
        }
        Err(why) => Err(why),
    };
    let range = match range {
        Ok(range) => range,
        Err(why) => return Ok(Err(why)),
    };
    let (bytes, toc) = (registry.blob_range(repository, layer, range).await?, toc.clone());
    let read = tokio::task::spawn_blocking(move || toc.read(&bytes));
    read.await.map_err(|_| interrupted(repository))
}
