//! Page faults and reads of processes, added up inside the kernel: `bpf(2)`.
//!
//! Small programs run at tracepoints and events for the begin and end of faults and reads, and
//! add to histograms, so that nothing is to be done for an event outside of the kernel. They are
//! put together here, instruction by instruction (`asm`), after
//! the kernel's own description of its types (`btf`): no compiler for them is needed.

mod asm;
mod btf;
mod call;
mod error;
mod frames;
mod layout;
mod programs;
mod rows;
mod tails;
mod tracer;

pub use error::BpfError;
pub use rows::{FileId, Kind, Row};
pub use tails::{Seen, Span};
pub use tracer::Tracer;
