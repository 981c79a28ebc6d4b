//! Names of addresses. User frames have the names of the mapped files' symbols, which are complete;
//! inlined functions come from their line tables. Kernel frames have the names of `/proc/kallsyms`.
//! glibc's functions have names if it exports them. It does not export the one that starts a
//! thread, so stacks begin with an unknown frame.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use blazesym::symbolize::source::{Elf, Kernel, Process, Source};
use blazesym::symbolize::{InlinedFn, Input, Symbolizer};
use blazesym::{MaybeDefault, Pid};
use cutwater_observe::perf::{Samples, Stack};

use super::maps::Maps;
use cutwater_shell::words::shown;

/// The name of an unknown address.
const UNKNOWN: &str = "[unknown]";
/// Lines of `/proc/kallsyms` looked at to see whether addresses are hidden.
const KALLSYMS_LINES_MAX: usize = 100;

/// Names of the frames of samples.
#[derive(Debug, Default)]
pub(crate) struct Names {
    user: HashMap<u64, Vec<String>>,
    kernel: HashMap<u64, Vec<String>>,
}

impl Names {
    /// The functions at a stack's frames, outermost first, in the kernel or the program.
    /// Where functions were inlined an address has several; their names are marked.
    pub(crate) fn outermost_first<'a>(
        &'a self,
        stack: &'a Stack,
    ) -> impl Iterator<Item = (&'a str, bool)> {
        let user = lookups(stack.user()).rev().map(|at| (self.user.get(&at), false));
        let kernel = lookups(stack.kernel()).rev().map(|at| (self.kernel.get(&at), true));
        user.chain(kernel).flat_map(|(names, in_kernel)| {
            let names = names.map_or(&[][..], Vec::as_slice);
            names.iter().map(move |name| (name.as_str(), in_kernel))
        })
    }
}

/// Where to look for the function of each frame: the innermost address was executing, the
/// others are where a call returns to, which can lie in the next function.
fn lookups(frames: &[u64]) -> impl DoubleEndedIterator<Item = u64> + '_ {
    frames.iter().enumerate().map(|(i, addr)| if i == 0 { *addr } else { addr.wrapping_sub(1) })
}

/// Finds the names of all frames of `samples` and of the waits in it, and says what could not be
/// named and why. `maps` is what another process had mapped.
pub(crate) fn resolve(samples: &Samples, maps: Option<&Maps>) -> (Names, Vec<String>) {
    // Without the directories of separate debug files: our program has its own lines, and one
    // unreadable file there (compressed by zstd) would cost all names.
    let symbolizer = Symbolizer::builder().set_debug_dirs(Some([""; 0])).build();
    let mut notes = Vec::new();
    let user = distinct(samples, Stack::user);
    let named = match maps {
        Some(maps) => Ok(resolve_mapped(&symbolizer, maps, &user, &mut notes)),
        None => resolve_user(&symbolizer, samples.pid, &user, &mut notes),
    };
    let user = named.unwrap_or_else(|e| {
        notes.push(format!("user frames have no names: {e}"));
        unknown(&user)
    });
    let kernel = distinct(samples, Stack::kernel);
    let kernel = resolve_kernel(&symbolizer, &kernel).unwrap_or_else(|why| {
        notes.push(format!("kernel frames have no names: {why}"));
        unknown(&kernel)
    });
    (Names { user, kernel }, notes)
}

fn resolve_user(
    symbolizer: &Symbolizer,
    pid: u32,
    addrs: &[u64],
    notes: &mut Vec<String>,
) -> blazesym::Result<HashMap<u64, Vec<String>>> {
    let pid = if pid == std::process::id() || pid == 0 { Pid::Slf } else { Pid::from(pid) };
    let mut process = Process::new(pid);
    // By path: the other way, /proc/self/map_files, needs a privilege.
    process.map_files = false;
    process.perf_map = false;
    process.debug_syms = false;
    let mut names = lookup(symbolizer, &Source::Process(process.clone()), addrs)?;
    process.debug_syms = true;
    match symbolizer.symbolize(&Source::Process(process), Input::AbsAddr(addrs)) {
        Ok(found) => {
            for (addr, found) in addrs.iter().zip(&found) {
                let inlined = found.as_sym().map(|sym| sym.inlined.iter().map(inlined_name));
                names.entry(*addr).or_default().extend(inlined.into_iter().flatten());
            }
        }
        Err(e) => notes.push(format!("inlined functions are missing: {e}")),
    }
    Ok(names)
}

/// Names user frames by the files that a process had mapped, as it may have ended.
fn resolve_mapped(
    symbolizer: &Symbolizer,
    maps: &Maps,
    addrs: &[u64],
    notes: &mut Vec<String>,
) -> HashMap<u64, Vec<String>> {
    let mut files: BTreeMap<&Path, Vec<(u64, u64)>> = BTreeMap::new();
    for &addr in addrs {
        if let Some((path, offset)) = maps.place(addr) {
            files.entry(path).or_default().push((addr, offset));
        }
    }
    let mut names = unknown(addrs);
    for (path, places) in files {
        let offsets: Vec<u64> = places.iter().map(|(_, offset)| *offset).collect();
        let mut elf = Elf::new(path);
        elf.debug_syms = false;
        let found = symbolizer.symbolize(&Source::Elf(elf.clone()), Input::FileOffset(&offsets));
        elf.debug_syms = true;
        let lines = symbolizer.symbolize(&Source::Elf(elf), Input::FileOffset(&offsets));
        match found {
            Ok(found) => {
                for ((addr, _), found) in places.iter().zip(&found) {
                    if let Some(sym) = found.as_sym() {
                        names.insert(*addr, vec![readable(&sym.name)]);
                    }
                }
            }
            Err(e) => notes.push(format!("frames of {} have no names: {e}", shown(path))),
        }
        // Most programs have no line tables, and their inlined functions have no names.
        for ((addr, _), found) in places.iter().zip(lines.iter().flatten()) {
            let inlined = found.as_sym().map(|sym| sym.inlined.iter().map(inlined_name));
            names.entry(*addr).or_default().extend(inlined.into_iter().flatten());
        }
    }
    names
}

fn resolve_kernel(
    symbolizer: &Symbolizer,
    addrs: &[u64],
) -> Result<HashMap<u64, Vec<String>>, String> {
    if addrs.is_empty() {
        return Ok(HashMap::new());
    }
    if !kallsyms_has_addresses() {
        return Err("/proc/kallsyms hides addresses; likely cause: kernel.kptr_restrict; try \
                    'sysctl -w kernel.kptr_restrict=0' as root"
            .to_owned());
    }
    let kernel = Kernel { vmlinux: MaybeDefault::None, ..Kernel::default() };
    lookup(symbolizer, &Source::Kernel(kernel), addrs).map_err(|e| e.to_string())
}

/// Names of kernel functions, remembered.
#[derive(Debug, Default)]
pub struct KernelNames {
    symbolizer: Option<Symbolizer>,
    names: HashMap<u64, Vec<String>>,
}

impl KernelNames {
    /// Looks up the names of `addrs`. Returns why some have none.
    pub fn learn(&mut self, addrs: impl Iterator<Item = u64>) -> Option<String> {
        let new: BTreeSet<u64> = addrs.filter(|addr| !self.names.contains_key(addr)).collect();
        let new: Vec<u64> = new.into_iter().collect();
        let symbolizer = self.symbolizer.get_or_insert_with(Symbolizer::new);
        match resolve_kernel(symbolizer, &new) {
            Ok(names) => self.names.extend(names),
            Err(why) => return Some(why),
        }
        None
    }

    /// The function at an address.
    pub fn name(&self, addr: u64) -> &str {
        let names = self.names.get(&addr).map_or(&[][..], Vec::as_slice);
        names.last().map_or(UNKNOWN, String::as_str)
    }
}

/// Whether any of the first symbols has an address; hidden ones are written as zero.
fn kallsyms_has_addresses() -> bool {
    let Ok(file) = File::open("/proc/kallsyms") else { return false };
    let lines = BufReader::new(file).lines().take(KALLSYMS_LINES_MAX);
    lines.map_while(Result::ok).any(|line| {
        let address = line.split(' ').next().unwrap_or_default();
        u64::from_str_radix(address, 16).is_ok_and(|a| a != 0)
    })
}

fn distinct(samples: &Samples, frames: impl Fn(&Stack) -> &[u64]) -> Vec<u64> {
    let waits = samples.off_cpu.iter().flat_map(|off_cpu| &off_cpu.stacks);
    let stacks = samples.stacks.iter().chain(waits);
    let addrs: BTreeSet<u64> = stacks.flat_map(|(stack, _)| lookups(frames(stack))).collect();
    addrs.into_iter().collect()
}

fn lookup(
    symbolizer: &Symbolizer,
    source: &Source<'_>,
    addrs: &[u64],
) -> blazesym::Result<HashMap<u64, Vec<String>>> {
    let found = symbolizer.symbolize(source, Input::AbsAddr(addrs))?;

    let names =
        found.iter().map(|found| found.as_sym().map_or(UNKNOWN.into(), |sym| readable(&sym.name)));
    Ok(addrs.iter().copied().zip(names.map(|name| vec![name])).collect())
}

/// Line tables have only the last part of an inlined function's name, and then its types.
fn inlined_name(function: &InlinedFn<'_>) -> String {
    let name = readable(&function.name);
    let short = name.split('<').next().filter(|short| !short.is_empty()).unwrap_or(&name);
    format!("{short}{INLINED}")
}

/// Marks a function that was inlined into the one before it.
pub(crate) const INLINED: &str = "_[i]";

/// A Rust name as it is written, without the hash that makes it unique; others as they are.
fn readable(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

fn unknown(addrs: &[u64]) -> HashMap<u64, Vec<String>> {
    addrs.iter().map(|addr| (*addr, vec![UNKNOWN.to_owned()])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_names_of_both_manglings_are_written_as_in_the_source() {
        assert_eq!(readable("_ZN4core3fmt5write17h0123456789abcdefE"), "core::fmt::write");
        assert_eq!(readable("_RNvCskwGfYPst2Cb_3foo16example_function"), "foo::example_function");
        assert_eq!(readable("__memmove_avx_unaligned_erms"), "__memmove_avx_unaligned_erms");
    }

    #[test]
    fn a_function_of_this_program_is_found_by_its_demangled_name() {
        let addr = readable as fn(&str) -> String as usize as u64;
        let source = Source::Process(Process::new(Pid::Slf));
        let found = lookup(&Symbolizer::new(), &source, &[addr]).unwrap();
        assert!(found[&addr][0].ends_with("flame::symbols::readable"), "{found:?}");
    }

    #[test]
    fn callers_are_looked_up_at_the_call_and_not_where_it_returns_to() {
        assert_eq!(lookups(&[10, 20, 30]).collect::<Vec<_>>(), [10, 19, 29]);
    }
}
