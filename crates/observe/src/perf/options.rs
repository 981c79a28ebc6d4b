//! What a recording of stacks takes.

/// Options of a [`super::Sampler`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SamplerOptions {
    /// Samples per second of CPU time and CPU; lowered to the host's
    /// `perf_event_max_sample_rate`.
    pub hz: u32,
    /// Whether to ask for kernel frames.
    pub kernel: bool,
    /// Whether to record waits too; each costs the thread about a microsecond.
    pub off_cpu: bool,
}

impl Default for SamplerOptions {
    /// 997 Hz, a prime, so that it does not beat with periodic work; with kernel frames,
    /// without waits.
    fn default() -> Self {
        Self { hz: 997, kernel: true, off_cpu: false }
    }
}
