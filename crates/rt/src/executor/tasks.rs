//! The tasks of a core, in slots that are reused.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::driver::remote::Remote;

/// A number that no task has.
pub(super) const NO_TASK: u64 = u64::MAX;

/// A task's future.
pub(super) type BoxedTask = Pin<Box<dyn Future<Output = ()>>>;

/// Wakes one task (`wake.rs`). It has a cache line of its own, as other threads write to it.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct TaskWaker {
    pub(super) id: u64,
    pub(super) core: u64,
    pub(super) remote: Arc<Remote>,
    queued: AtomicBool,
}

impl TaskWaker {
    /// Marks the task as queued; false where it was already.
    pub(super) fn set_queued(&self) -> bool {
        !self.queued.swap(true, Ordering::AcqRel)
    }

    /// Its poll begins: from now on, a wake queues it again.
    pub(super) fn begin(&self) {
        self.queued.store(false, Ordering::Release);
    }
}

#[derive(Default)]
pub(super) struct Tasks {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

impl std::fmt::Debug for Tasks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tasks").field("slots", &self.slots.len()).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Slot {
    /// Distinguishes a task from earlier ones in this slot.
    generation: u32,
    task: Option<BoxedTask>,
    waker: Option<Arc<TaskWaker>>,
    aborted: bool,
}

fn id_of(at: u32, generation: u32) -> u64 {
    u64::from(generation) << 32 | u64::from(at)
}

impl Tasks {
    fn slot(&mut self, id: u64) -> Option<&mut Slot> {
        let slot = self.slots.get_mut((id & 0xffff_ffff) as usize)?;
        (u64::from(slot.generation) == id >> 32).then_some(slot)
    }

    pub(super) fn add(&mut self, task: BoxedTask, core: u64, remote: &Arc<Remote>) -> u64 {
        let at = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() as u32 - 1
        });
        let slot = &mut self.slots[at as usize];
        let id = id_of(at, slot.generation);
        let queued = AtomicBool::new(true);
        let waker = TaskWaker { id, core, remote: Arc::clone(remote), queued };
        (slot.task, slot.waker, slot.aborted) = (Some(task), Some(Arc::new(waker)), false);
        id
    }

    /// Takes a task out to be polled.
    pub(super) fn take(&mut self, id: u64) -> Option<(BoxedTask, Arc<TaskWaker>)> {
        let slot = self.slot(id)?;
        Some((slot.task.take()?, Arc::clone(slot.waker.as_ref()?)))
    }

    /// Puts a task back after its poll; one that was aborted meanwhile is given back instead.
    pub(super) fn put_back(&mut self, id: u64, task: BoxedTask) -> Option<BoxedTask> {
        let Some(slot) = self.slot(id) else { return Some(task) };
        if slot.aborted {
            self.remove(id);
            return Some(task);
        }
        slot.task = Some(task);
        None
    }

    pub(super) fn remove(&mut self, id: u64) {
        let Some(slot) = self.slot(id) else { return };
        (slot.task, slot.waker) = (None, None);
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push((id & 0xffff_ffff) as u32);
    }

    /// Takes a task that is not wanted any more; one that is being polled is only marked.
    pub(super) fn abort(&mut self, id: u64) -> Option<BoxedTask> {
        let slot = self.slot(id)?;
        let task = slot.task.take();
        if task.is_some() {
            self.remove(id);
        } else {
            slot.aborted = true;
        }
        task
    }

    /// Takes all tasks.
    pub(super) fn take_all(&mut self) -> Vec<BoxedTask> {
        let ids: Vec<_> = (0..self.slots.len() as u32)
            .map(|at| id_of(at, self.slots[at as usize].generation))
            .collect();
        ids.into_iter().filter_map(|id| self.abort(id)).collect()
    }
}
