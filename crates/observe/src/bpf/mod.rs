//! Page faults and reads of processes, added up inside the kernel: `bpf(2)`.
//!
//! Small programs run at tracepoints and events for the start and end of faults and reads, and
//! add to histograms, so that no event leaves the kernel. They are assembled here, instruction by
//! instruction (`asm`), from the kernel's own description of its types (`btf`), without a compiler.

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
pub use rows::{FileId, Operation, Row};
pub use tails::{Span, TailStack};
pub use tracer::Tracer;
