//! Work whose outcome no answer needs: what is kept so that the next time is faster. It goes on while the answer is
//! printed. A process that ends before it was done has lost time and nothing else.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinSet;

/// Work that goes on. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Later(Arc<Mutex<JoinSet<()>>>);

impl Later {
    /// Begins `work`, without waiting for it.
    pub(crate) fn add(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut going_on = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while going_on.try_join_next().is_some() {}
        going_on.spawn(work);
    }

    /// Waits for all that was begun. Work that is dropped before is left undone.
    pub async fn done(&self) {
        let mut going_on = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        while going_on.join_next().await.is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn waits_for_all_of_it() {
        let (later, count) = (Later::default(), Arc::new(AtomicUsize::new(0)));
        for _ in 0..3 {
            let count = count.clone();
            later.clone().add(async move {
                tokio::task::yield_now().await;
                count.fetch_add(1, Ordering::Relaxed);
            });
        }
        later.done().await;
        assert_eq!(count.load(Ordering::Relaxed), 3);
        later.done().await;
    }
}
