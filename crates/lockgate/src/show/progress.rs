//! A progress bar on a terminal; nothing in a pipe.

use std::sync::{Arc, Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};
use lockgate_model::ports::Progress;

use super::out::is_watched;
use crate::printable::printable;

/// The progress that fits standard error.
pub fn progress() -> Arc<dyn Progress> {
    if is_watched() { Arc::new(Bar::default()) } else { Arc::new(()) }
}

/// One bar for everything that is under way.
#[derive(Default)]
struct Bar(Mutex<State>);

#[derive(Default)]
struct State {
    bar: Option<ProgressBar>,
    under_way: usize,
}

impl Bar {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Bar {
    fn begin(&self, label: &str, total: u64) {
        let mut state = self.state();
        state.under_way += 1;
        let bar = state.bar.get_or_insert_with(|| {
            let bar = ProgressBar::new(0);
            if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes}") {
                bar.set_style(style);
            }
            bar
        });
        bar.inc_length(total);
        bar.set_message(printable(label).into_owned());
    }

    fn advance(&self, bytes: u64) {
        if let Some(bar) = &self.state().bar {
            bar.inc(bytes);
        }
    }

    fn end(&self) {
        let mut state = self.state();
        state.under_way = state.under_way.saturating_sub(1);
        if state.under_way == 0
            && let Some(bar) = state.bar.take()
        {
            bar.finish_and_clear();
        }
    }
}
