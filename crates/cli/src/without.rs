//! `--without`: system calls that the command refuses to itself.

use std::str::FromStr;

use cutwater_sys::seccomp::{self, Refusal, SysCall};

use cutwater_shell::Failure;

/// One entry of the list: calls and how they answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Without {
    calls: &'static [SysCall],
    refusal: Refusal,
}

impl FromStr for Without {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, error) = text.split_once('=').unwrap_or((text, "ENOSYS"));
        let known = SysCall::NAMES.into_iter().find(|(known, _)| *known == name);
        let (_, calls) = known.ok_or_else(|| {
            let names = SysCall::NAMES.map(|(name, _)| name).join(", ");
            format!("no call named {name:?}; there are {names}")
        })?;
        let refusal = error
            .parse()
            .map_err(|()| format!("no error named {error:?}; there are ENOSYS, EPERM, ENOMEM"))?;
        Ok(Self { calls, refusal })
    }
}

/// Installs a filter for each entry.
pub(crate) fn install(list: &[Without]) -> Result<(), Failure> {
    list.iter().try_for_each(|entry| {
        seccomp::refuse(entry.calls, entry.refusal).map_err(|e| {
            Failure::new("cannot install the seccomp filter that --without needs").because(e)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_calls_with_an_error() {
        let entry = |s: &str| s.parse::<Without>();
        let all = Without { calls: &SysCall::IO_URING, refusal: Refusal::Perm };
        assert_eq!(entry("io_uring=EPERM"), Ok(all));
        let one = Without { calls: &[SysCall::Cachestat], refusal: Refusal::NoSys };
        assert_eq!(entry("cachestat"), Ok(one));
        assert!(entry("read").is_err_and(|e| e.contains("cachestat")));
        assert!(entry("io_uring=EINVAL").is_err_and(|e| e.contains("ENOMEM")));
    }
}
