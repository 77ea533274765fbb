//! Layers made here, hostile ones too.
#![allow(dead_code, reason = "no test makes every kind")]

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use lockgate_model::oci::media;
use lockgate_model::{Descriptor, Digest, Inventory};
use lockgate_scan::{Base, LayerContent, Missing, analyse, analyse_again, lay_onto, lay_whole};
use tar::{Builder, EntryType, Header};

/// What a layer may have.
pub(crate) enum Item<'a> {
    File(&'a str, &'a str),
    /// A file with any name and content.
    Raw(&'a [u8], &'a [u8]),
    Folder(&'a str),
    Link(&'a str, &'a str),
    Hard(&'a str, &'a str),
    Pipe(&'a str),
}

/// A tar of these, their names written as they are.
pub(crate) fn tar_of(items: &[Item<'_>]) -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    for item in items {
        let mut header = Header::new_gnu();
        header.set_mode(0o644);
        header.set_entry_type(EntryType::Regular);
        let (path, content) = match item {
            Item::File(path, content) => (path.as_bytes(), content.as_bytes()),
            Item::Raw(path, content) => (*path, *content),
            Item::Folder(path) => {
                header.set_entry_type(EntryType::Directory);
                (path.as_bytes(), &b""[..])
            }
            Item::Link(path, target) => {
                header.set_entry_type(EntryType::Symlink);
                header.set_link_name_literal(target).unwrap();
                (path.as_bytes(), &b""[..])
            }
            Item::Pipe(path) => {
                header.set_entry_type(EntryType::Fifo);
                (path.as_bytes(), &b""[..])
            }
            Item::Hard(path, target) => {
                header.set_entry_type(EntryType::Link);
                header.set_link_name_literal(target).unwrap();
                (path.as_bytes(), &b""[..])
            }
        };
        // The library refuses `..`, which is what a hostile layer has: the name is written as it is.
        let name = header.as_gnu_mut().unwrap();
        name.name[..path.len()].copy_from_slice(path);
        header.set_size(content.len() as u64);
        header.set_cksum();
        tar.append(&header, content).unwrap();
    }
    tar.into_inner().unwrap()
}

/// The same, compressed.
pub(crate) fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// A layer of these, read.
pub(crate) fn layer(items: &[Item<'_>]) -> (Descriptor, LayerContent) {
    let plain = tar_of(items);
    let blob = gzip(&plain);
    let descriptor = Descriptor::of(media::OCI_LAYER_GZIP, &blob);
    let content = analyse(&blob[..], &descriptor, Some(&Digest::of(&plain))).unwrap();
    (descriptor, content)
}

/// The inventory of layers, and what is missing of it in the end: what the engine does, files read again where that is asked for.
pub(crate) fn inventory(layers: &[&[Item<'_>]]) -> (Inventory, Missing) {
    let blobs: Vec<_> = layers.iter().map(|items| tar_of(items)).collect();
    let described: Vec<_> = blobs.iter().map(|blob| Descriptor::of(media::OCI_LAYER, blob)).collect();
    let read = described.iter().zip(&blobs);
    let mut contents: Vec<_> = read.map(|(layer, blob)| analyse(&blob[..], layer, None).unwrap()).collect();
    let (base, borrowed) = (Base::default(), contents.iter().collect::<Vec<_>>());
    let laid = lay_onto(&base, &described, &borrowed);
    let looked = laid.look();
    if looked.missing().is_empty() {
        return (looked.inventory(), Missing::default());
    }
    drop(looked);
    drop(laid);
    let first = lay_whole(&described, &borrowed).look().missing().clone();
    for (at, (layer, blob)) in described.iter().zip(&blobs).enumerate() {
        let asked = first.asks.iter().filter(|ask| ask.layer == at);
        let asked: Vec<_> = asked.map(|ask| (ask.entry, ask.name.clone())).collect();
        if !asked.is_empty() {
            contents[at] = analyse_again(&blob[..], layer, &contents[at], &asked, Vec::new()).unwrap();
        }
    }
    let borrowed: Vec<_> = contents.iter().collect();
    let laid = lay_whole(&described, &borrowed);
    let looked = laid.look();
    (looked.inventory(), looked.missing().clone())
}
