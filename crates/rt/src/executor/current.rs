//! The core of this thread.

use std::cell::RefCell;
use std::rc::Rc;

use super::core::Core;

thread_local! {
    static CURRENT: RefCell<Option<Rc<Core>>> = const { RefCell::new(None) };
}

impl Core {
    /// The core that runs on this thread.
    ///
    /// # Panics
    /// Where none does, as nothing could end the caller's wait. As with other runtimes, this is an error of
    /// the program and not of its input.
    #[track_caller]
    pub(crate) fn current() -> Rc<Self> {
        let current = CURRENT.with(|current| current.borrow().clone());
        match current {
            Some(core) => core,
            None => panic!(
                "no cutwater_rt::Runtime runs on this thread: call this inside of Runtime::block_on"
            ),
        }
    }

    /// The core of this thread, if it has this number.
    #[cfg(feature = "hyper")]
    pub(crate) fn with_id(id: u64) -> Option<Rc<Self>> {
        let current = CURRENT.try_with(|current| current.borrow().clone()).ok().flatten();
        current.filter(|core| core.id() == id)
    }

    /// Runs `read`, which answers from the page cache where it can, and counts its answers. `None`
    /// without a page cache, and outside of a runtime.
    pub(crate) fn inline(read: impl FnOnce() -> Option<usize>) -> Option<usize> {
        CURRENT.with(|current| current.borrow().as_ref()?.answer_inline(read))
    }
}

/// Calls `f` with the core of this thread; `None` where the thread has no core or is ending.
pub(super) fn with_current<T>(f: impl FnOnce(&Core) -> Option<T>) -> Option<T> {
    let call = |current: &RefCell<Option<Rc<Core>>>| {
        let current = current.try_borrow().ok()?;
        f(current.as_ref()?)
    };
    CURRENT.try_with(call).ok().flatten()
}

/// While it lives, `core` is the core of this thread.
pub(super) struct Entered(Option<Rc<Core>>);

impl Entered {
    #[track_caller]
    pub(super) fn new(core: &Rc<Core>) -> Self {
        // A forked child may build a runtime of its own, wherever it was forked.
        let inside = CURRENT
            .with(|current| current.borrow().as_ref().is_some_and(|core| !core.is_inherited()));
        assert!(!inside, "block_on inside of a runtime would never end: await, or spawn");
        Self::nested(core)
    }

    /// The same inside of a runtime.
    pub(super) fn nested(core: &Rc<Core>) -> Self {
        Self(CURRENT.with(|current| current.borrow_mut().replace(Rc::clone(core))))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let before = self.0.take();
        // A thread that is ending has no core any more.
        let _ = CURRENT.try_with(|current| *current.borrow_mut() = before);
    }
}
