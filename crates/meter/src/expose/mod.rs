//! Metrics for Prometheus, read from existing counters on request.
//!
//! A [`Source`] writes its families on a [`Page`] when a page is requested, so that counting
//! costs no more than without metrics. [`Registry::render`] returns the text, for a program with its
//! own server; [`Endpoint`] is a small server for a program without one.

mod connection;
mod endpoint;
pub(crate) mod page;
mod request;
mod server;
mod text;

use std::sync::{Mutex, PoisonError};

pub use endpoint::Endpoint;
pub use page::{Family, Format, Page};

/// Most sources of a registry.
pub const SOURCES_MAX: usize = 64;

/// Something that has metrics.
pub trait Source: Send + Sync {
    /// Writes the current values. Unknown ones are left out: a missing metric means
    /// "unknown", and 0 means "none".
    fn collect(&self, page: &mut Page);
}

/// The sources of a program.
#[derive(Default)]
pub struct Registry(Mutex<Vec<Box<dyn Source>>>);

impl Registry {
    /// A registry without sources.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a source; false when there are [`SOURCES_MAX`] already, and then it is not added.
    pub fn add(&self, source: impl Source + 'static) -> bool {
        let mut sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = sources.len() < SOURCES_MAX;
        if fits {
            sources.push(Box::new(source));
        }
        fits
    }

    /// The current values as text.
    #[must_use]
    pub fn render(&self, format: Format) -> String {
        self.page().text(format)
    }

    /// The current values.
    #[must_use]
    pub fn page(&self) -> Page {
        let mut page = Page::new();
        let sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sources.iter().for_each(|source| source.collect(&mut page));
        page
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sources = self.0.lock().unwrap_or_else(PoisonError::into_inner).len();
        f.debug_struct("Registry").field("sources", &sources).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_takes_sources_up_to_its_bound() {
        struct Nothing;
        impl Source for Nothing {
            fn collect(&self, _: &mut Page) {}
        }
        let registry = Registry::new();
        assert!((0..SOURCES_MAX).all(|_| registry.add(Nothing)));
        assert!(!registry.add(Nothing));
    }

    #[test]
    fn two_sources_of_one_family_share_its_header() {
        struct Cache(&'static str);
        impl Source for Cache {
            fn collect(&self, page: &mut Page) {
                page.counter("hits_total", "Hits.").sample(&[("cache", self.0)], 1);
            }
        }
        let registry = Registry::new();
        registry.add(Cache("a"));
        registry.add(Cache("b"));
        let expected = "# HELP hits_total Hits.\n# TYPE hits_total counter\n\
                        hits_total{cache=\"a\"} 1\nhits_total{cache=\"b\"} 1\n";
        assert_eq!(registry.render(Format::Prometheus), expected);
    }
}
