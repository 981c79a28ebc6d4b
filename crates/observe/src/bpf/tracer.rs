//! The programs, loaded and attached.

use std::collections::HashMap;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};

use super::asm::Code;
use super::btf::Btf;
use super::call::{self, Attach, Map, MapKind};
use super::error::{BpfError, Doing};
use super::frames::{self, SEEN_BYTES, SEEN_KEY_BYTES, TAIL_BYTES, TAIL_KEY_BYTES};
use super::layout::{self, Layout};
use super::programs::{self, Maps, THREAD_BYTES};
use super::rows::{self, FileId, KEY_BYTES, OTHERS_DEV, Operation, ROW_BYTES, Row};
use super::tails::{self, SPANS_BYTES, Span, TailStack};
use crate::perf::{self, RunAt, Start};
use cutwater_sys::Errno;

/// Most processes followed; with one more, the one that was idle for the longest time is dropped.
const PROCESSES_MAX: u32 = 8_192;
/// Most threads with a fault or read that has begun; the same.
const THREADS_MAX: u32 = 16_384;
/// Most rows; each kind has one more for all others.
const ROWS_MAX: usize = 1_024;
/// Most kernel memory of rows, bytes; on many CPUs there are fewer rows.
const ROWS_BYTES_MAX: usize = 32 << 20;
/// Most different stacks, and frames of each: the innermost.
const STACKS_MAX: u32 = 16_384;
const STACK_FRAMES: usize = 64;
/// Most operations at a time that have stacks; with one more, the one that was idle for the
/// longest time is dropped.
const SEEN_MAX: u32 = 4_096;
/// Most different stacks of operations of one kind and duration.
const TAILS_MAX: u32 = 16_384;
/// Bytes of the verifier's messages that are read, and that are reported: the last ones.
const LOG_BYTES: usize = 256 << 10;
const LOG_BYTES_SAID: usize = 600;
/// The number of the first PID namespace, `PROC_PID_INIT_INO`.
const FIRST_PID_NAMESPACE: &str = "pid:[4026531836]";

/// Starts of faults, of user code and of the kernel when it uses the process's memory.
const FAULTS: [&str; 2] = ["btf_trace_page_fault_user", "btf_trace_page_fault_kernel"];
/// These show the file of a fault.
const FILE_FAULTS: [&str; 2] = ["btf_trace_mm_filemap_fault", "btf_trace_mm_filemap_map_pages"];

/// A running sum of the page faults and reads of a process: of its threads, new threads, and
/// children.
///
/// A fault is timed from the tracepoint `exceptions:page_fault_user` or `page_fault_kernel` to the
/// software event of a fault that was served, and a read from `raw_syscalls:sys_enter` to
/// `sys_exit`. Dropping it ends it.
#[derive(Debug)]
pub struct Tracer {
    followed: Map,
    rows: Map,
    threads: Map,
    zero: Map,
    stacks: Map,
    seen: Map,
    spans: Map,
    tails: Map,
    dropped: Map,
    links: Vec<OwnedFd>,
    missing: Vec<BpfError>,
    no_frames: Option<BpfError>,
}

impl Tracer {
    /// Loads and attaches the programs, and follows `pid`: at once, or from when it calls
    /// `execve(2)`.
    ///
    /// # Errors
    /// [`BpfError::is_refused`] without CAP_BPF and CAP_PERFMON, [`BpfError::is_unsupported`] where the
    /// kernel does not describe its types.
    pub fn open(pid: u32, start: Start) -> Result<Self, BpfError> {
        sees_processes()?;
        let btf = Btf::of_kernel().map_err(|e| {
            BpfError::new(Doing::Describe, Errno::from_io_error(&e).unwrap_or(Errno::INVAL))
        })?;
        let layout = Layout::from_btf(&btf)?;
        // The kernel writes this many values; with a smaller number it would write past their end.
        let list = fs::read_to_string("/sys/devices/system/cpu/possible").unwrap_or_default();
        let cpus =
            cpus_in(&list).ok_or_else(|| BpfError::new(Doing::Describe, Errno::OPNOTSUPP))?;
        let mut tracer = Self::with_maps(cpus).map_err(|e| BpfError::new(Doing::MakeMap, e))?;
        tracer.attach_all(&btf, &layout, pid, start)?;
        if let Err(e) = tracer.attach_frames(&btf, &layout, pid, start) {
            tracer.no_frames = Some(e);
        }
        tracer.follow(pid, start)?;
        Ok(tracer)
    }

    fn with_maps(cpus: usize) -> cutwater_sys::Result<Self> {
        let rows_max = (ROWS_BYTES_MAX / (ROW_BYTES * cpus)).clamp(8, ROWS_MAX);
        let rows_max = u32::try_from(rows_max + Operation::ALL.len()).unwrap_or(u32::MAX);
        let kinds = Operation::ALL.len() as u32;
        let map = |kind, key, value, entries| Map::new(kind, key, value, entries, cpus);
        let rows = map(MapKind::PerCpuHash, KEY_BYTES, ROW_BYTES, rows_max)?;
        for kind in Operation::ALL {
            rows.set(&rows::key(kind, OTHERS_DEV, 0), &vec![0; ROW_BYTES * cpus])?;
        }
        Ok(Self {
            followed: map(MapKind::LruHash, 4, 4, PROCESSES_MAX)?,
            rows,
            threads: map(MapKind::LruHash, 4, THREAD_BYTES, THREADS_MAX)?,
            zero: map(MapKind::PerCpuArray, 4, ROW_BYTES, 1)?,
            stacks: map(MapKind::Stacks, 4, STACK_FRAMES * 8, STACKS_MAX)?,
            seen: map(MapKind::LruHash, SEEN_KEY_BYTES, SEEN_BYTES, SEEN_MAX)?,
            spans: map(MapKind::PerCpuArray, 4, SPANS_BYTES, kinds)?,
            tails: map(MapKind::Hash, TAIL_KEY_BYTES, TAIL_BYTES, TAILS_MAX)?,
            dropped: map(MapKind::PerCpuArray, 4, 8, 1)?,
            links: Vec::new(),
            missing: Vec::new(),
            no_frames: None,
        })
    }

    /// What is not observed, and why.
    #[must_use]
    pub fn missing(&self) -> &[BpfError] {
        &self.missing
    }

    /// Stops; the sums can still be read.
    pub fn stop(&mut self) {
        self.links.clear();
    }

    /// The sums so far, without empty rows.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        let keys = self.rows.keys(ROWS_MAX + Operation::ALL.len()).into_iter();
        let rows = keys.filter_map(|key| rows::parse(&key, &self.rows.get(&key).ok()?));
        rows.filter(|row| row.count > 0).collect()
    }

    /// The files that have rows, in no order.
    #[must_use]
    pub fn files(&self) -> Vec<FileId> {
        let keys = self.rows.keys(ROWS_MAX + Operation::ALL.len()).into_iter();
        keys.filter_map(|key| Some(rows::parse(&key, &[])?.file)).collect()
    }

    /// The processes that are followed, in no order.
    #[must_use]
    pub fn processes(&self) -> Vec<u32> {
        let keys = self.followed.keys(PROCESSES_MAX as usize).into_iter();
        keys.filter_map(|key| Some(u32::from_ne_bytes(key.try_into().ok()?))).collect()
    }

    /// Why kernel stacks are not observed; none when they are.
    #[must_use]
    pub fn no_frames(&self) -> Option<&BpfError> {
        self.no_frames.as_ref()
    }

    /// The number of operations of each duration, so far.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        let spans = Operation::ALL.into_iter().filter_map(|kind| {
            let values = self.spans.get(&(kind as u32).to_ne_bytes()).ok()?;
            Some(tails::spans(kind, &values))
        });
        spans.flatten().collect()
    }

    /// The kernel stacks in them, so far.
    #[must_use]
    pub fn tail_stacks(&self) -> Vec<TailStack> {
        let keys = self.tails.keys(TAILS_MAX as usize).into_iter();
        keys.filter_map(|key| tails::tail_stack(&key, &self.tails.get(&key).ok()?)).collect()
    }

    /// Addresses of kernel functions, innermost first, by the number of the stack.
    #[must_use]
    pub fn chains(&self) -> HashMap<u32, Vec<u64>> {
        let keys = self.stacks.keys(STACKS_MAX as usize).into_iter();
        let chains = keys.filter_map(|key| {
            let frames = tails::frames(&self.stacks.get(&key).ok()?);
            Some((u32::from_ne_bytes(key.try_into().ok()?), frames))
        });
        chains.collect()
    }

    /// How often the stacks of an operation found no room.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        let values = self.dropped.get(&0u32.to_ne_bytes()).unwrap_or_default();
        values.chunks_exact(8).filter_map(|value| rows::u64_at(value, 0)).sum()
    }

    fn follow(&self, pid: u32, start: Start) -> Result<(), BpfError> {
        let now = u32::from(start == Start::Now);
        self.followed
            .set(&pid.to_ne_bytes(), &now.to_ne_bytes())
            .map_err(|e| BpfError::new(Doing::Follow, e))
    }

    fn attach_all(
        &mut self,
        btf: &Btf,
        layout: &Layout,
        pid: u32,
        start: Start,
    ) -> Result<(), BpfError> {
        let maps = self.maps();
        let point = |name| layout::tracepoint(btf, name).map(Attach::Tracepoint);
        for name in FAULTS {
            self.attach(name, point(name)?, programs::fault_begins(&maps))?;
        }
        for name in FILE_FAULTS {
            let program = programs::fault_of_file(&maps, layout);
            if let Err(e) = point(name).and_then(|point| self.attach(name, point, program)) {
                self.missing.push(e);
            }
        }
        let calls = programs::call_begins(&maps, layout);
        self.attach("sys_enter", point("btf_trace_sys_enter")?, calls)?;
        let returns = programs::call_ends(&maps, layout);
        self.attach("sys_exit", point("btf_trace_sys_exit")?, returns)?;
        let fork = point("btf_trace_sched_process_fork")?;
        self.attach("sched_process_fork", fork, programs::forks(&maps, layout))?;
        let exec = point("btf_trace_sched_process_exec")?;
        self.attach("sched_process_exec", exec, programs::execs(&maps))?;
        self.count_faults(&maps, pid, start)
    }

    fn maps(&self) -> Maps {
        Maps {
            followed: self.followed.descriptor(),
            threads: self.threads.descriptor(),
            rows: self.rows.descriptor(),
            zero: self.zero.descriptor(),
            stacks: self.stacks.descriptor(),
            seen: self.seen.descriptor(),
            spans: self.spans.descriptor(),
            tails: self.tails.descriptor(),
            dropped: self.dropped.descriptor(),
        }
    }

    /// Observes kernel stacks in operations.
    fn attach_frames(
        &mut self,
        btf: &Btf,
        layout: &Layout,
        pid: u32,
        start: Start,
    ) -> Result<(), BpfError> {
        let maps = self.maps();
        self.run_at("frames", pid, start, RunAt::Clock, frames::samples(&maps))?;
        let switch = layout::tracepoint(btf, "btf_trace_sched_switch")?;
        let switches = frames::switches(&maps, layout);
        self.attach("sched_switch", Attach::Tracepoint(switch), switches)
    }

    /// Runs the programs for the ends of faults on the events of the process.
    fn count_faults(&mut self, maps: &Maps, pid: u32, start: Start) -> Result<(), BpfError> {
        let minor = programs::fault_ends(maps, Operation::Minor);
        self.run_at("fault_minor", pid, start, RunAt::MinorFault, minor)?;
        let major = programs::fault_ends(maps, Operation::Major);
        self.run_at("fault_major", pid, start, RunAt::MajorFault, major)
    }

    fn run_at(
        &mut self,
        name: &'static str,
        pid: u32,
        start: Start,
        at: RunAt,
        code: Code,
    ) -> Result<(), BpfError> {
        let program = load(name, Attach::PerfEvent, code)?;
        let events = perf::run_at(pid, start, at, program.as_fd());
        self.links.extend(events.map_err(|e| BpfError::new(Doing::Attach(name), e.errno()))?);
        Ok(())
    }

    fn attach(&mut self, name: &'static str, to: Attach, code: Code) -> Result<(), BpfError> {
        let name = name.trim_start_matches("btf_trace_");
        let program = load(name, to, code)?;
        let link =
            call::attach(program.as_fd()).map_err(|e| BpfError::new(Doing::Attach(name), e))?;
        self.links.push(link);
        Ok(())
    }
}

fn load(name: &'static str, to: Attach, code: Code) -> Result<OwnedFd, BpfError> {
    let code = code.finish().ok_or_else(|| BpfError::new(Doing::Assemble(name), Errno::INVAL))?;
    call::load(&code, name, to, &mut []).map_err(|e| {
        let mut log = vec![0; LOG_BYTES];
        // Without the privilege there are no messages.
        let _ = call::load(&code, name, to, &mut log);
        BpfError::new(Doing::Load(name), e).with_log(last_words(&log))
    })
}

/// Programs see process numbers of the first PID namespace; in another one ours differ.
fn sees_processes() -> Result<(), BpfError> {
    match fs::read_link("/proc/self/ns/pid") {
        Ok(link) if link.as_os_str() != FIRST_PID_NAMESPACE => {
            Err(BpfError::new(Doing::SeeProcesses, Errno::OPNOTSUPP))
        }
        _ => Ok(()),
    }
}

/// The end of the verifier's log, in one line.
fn last_words(log: &[u8]) -> String {
    let text = log.split(|b| *b == 0).next().unwrap_or_default();
    let text = &text[text.len().saturating_sub(LOG_BYTES_SAID)..];
    String::from_utf8_lossy(text).trim().replace('\n', " | ")
}

/// Most values of a per-CPU map: four for the CPUs `0-3`. None for a malformed list.
fn cpus_in(list: &str) -> Option<usize> {
    let last = list.trim().rsplit(['-', ',']).next()?;
    last.parse::<usize>().ok()?.checked_add(1)
}

#[cfg(test)]
mod tests;
