//! From a regular expression to the steps of a matcher.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};

use super::{At, BOTH, Matcher, NONE, NOWHERE, Next, Run, Set, Step};

/// The most repetitions of a byte that are written out.
const FIXED_MAX: u32 = 32;

/// The most steps of a program; a larger one is left to `regex`.
const STEPS_MAX: usize = 4096;

impl Matcher {
    /// A matcher of a regular expression that begins at the start of a line. Nothing where the expression
    /// has what it does not know, such as classes of Unicode.
    pub(in crate::format::data) fn new(pattern: &str) -> Option<Self> {
        let mut parser = ParserBuilder::new().unicode(false).utf8(false).build();
        let hir = parser.parse(pattern).ok()?;
        if !hir.properties().look_set_prefix().contains(Look::Start) {
            return None;
        }
        let groups = hir.properties().explicit_captures_len();
        let mut compiler =
            Compiler { steps: Vec::new(), sets: Vec::new(), names: Vec::new(), label: 0 };
        compiler.expression(&hir)?;
        compiler.push(Step::Matched)?;
        let Compiler { mut steps, sets, names, .. } = compiler;
        let firsts: Vec<_> = (0..steps.len()).map(|at| First::of(&steps, &sets, at)).collect();
        // From the last to the first, so that a byte skips the ways after it that it cannot go.
        for at in (0..steps.len()).rev() {
            if let Step::Either { first, second, .. } = &steps[at] {
                let next = next_of(&steps, &firsts, at, (*first, *second));
                if let Step::Either { next: known, .. } = &mut steps[at] {
                    **known = next;
                }
            }
            if let Step::Run(run) = &mut steps[at] {
                let (set, next) = (&sets[run.set as usize], &firsts[at + 1]);
                run.only = !next.always && (0..256).all(|b| !(set[b] && next.bytes[b]));
                run.greedy |= run.only;
            }
        }
        Some(Self {
            steps: steps.into(),
            sets: sets.into(),
            bounds: vec![NONE; 2 * (groups + 1)].into(),
            names: names.into(),
            saved: Vec::new(),
        })
    }
}

struct Compiler {
    steps: Vec<Step>,
    sets: Vec<Set>,
    names: Vec<(usize, Box<str>)>,
    /// The last step that others go to, so that it is not a part of the one before.
    label: usize,
}

impl Compiler {
    fn push(&mut self, step: Step) -> Option<At> {
        if self.steps.len() == STEPS_MAX {
            return None;
        }
        self.steps.push(step);
        Some(self.here() - 1)
    }

    fn here(&self) -> At {
        self.steps.len() as At
    }

    /// The next step, to which others go.
    fn label(&mut self) -> At {
        self.label = self.steps.len();
        self.here()
    }

    fn set(&mut self, set: Set) -> u32 {
        let known = self.sets.iter().position(|known| *known == set);
        known.unwrap_or_else(|| {
            self.sets.push(set);
            self.sets.len() - 1
        }) as u32
    }

    fn expression(&mut self, hir: &Hir) -> Option<()> {
        match hir.kind() {
            HirKind::Empty => {}
            HirKind::Literal(text) => {
                let byte = |byte: &u8| Hir::literal([*byte]);
                let sets = text.0.iter().map(byte).map(|hir| Some(self.set(single(&hir)?)));
                let sets: Option<Vec<_>> = sets.collect();
                self.fixed(sets?)?;
            }
            HirKind::Class(_) => {
                let set = self.set(single(hir)?);
                self.fixed(vec![set])?;
            }
            HirKind::Look(
                look @ (Look::Start | Look::End | Look::WordAscii | Look::WordAsciiNegate),
            ) => {
                self.push(Step::Look(*look))?;
            }
            HirKind::Look(_) => return None,
            HirKind::Repetition(repetition) => self.repetition(repetition)?,
            HirKind::Capture(capture) => {
                self.names.extend(capture.name.clone().map(|name| (capture.index as usize, name)));
                self.push(Step::Bound(2 * capture.index))?;
                self.expression(&capture.sub)?;
                self.push(Step::Bound(2 * capture.index + 1))?;
            }
            HirKind::Concat(parts) => {
                for part in parts {
                    self.expression(part)?;
                }
            }
            HirKind::Alternation(ways) => self.alternation(ways)?,
        }
        Some(())
    }

    /// One byte of each of `sets`, together with those right before them.
    fn fixed(&mut self, sets: Vec<u32>) -> Option<()> {
        let may_join = self.label < self.steps.len();
        match self.steps.last_mut() {
            Some(Step::Fixed(before)) if may_join => {
                if before.len() > STEPS_MAX {
                    return None;
                }
                let mut all = std::mem::take(before).into_vec();
                all.extend(sets);
                *before = all.into();
            }
            _ => drop(self.push(Step::Fixed(sets.into()))?),
        }
        Some(())
    }

    /// `first | second`; both ways are set later.
    fn either(&mut self) -> Option<At> {
        self.push(Step::Either { first: 0, second: 0, next: Box::new([NOWHERE; 257]) })
    }

    /// Sets the ways of the step at `at`, in the order in which they are tried.
    fn ways(&mut self, at: At, ways: (At, At)) {
        if let Some(Step::Either { first, second, .. }) = self.steps.get_mut(at as usize) {
            (*first, *second) = ways;
        }
    }

    fn alternation(&mut self, ways: &[Hir]) -> Option<()> {
        let mut ends = Vec::new();
        for (index, way) in ways.iter().enumerate() {
            if index + 1 == ways.len() {
                self.expression(way)?;
                break;
            }
            let either = self.either()?;
            self.expression(way)?;
            ends.push(self.push(Step::Go(0))?);
            let after = self.label();
            self.ways(either, (either + 1, after));
        }
        let end = self.label();
        for at in ends {
            self.steps[at as usize] = Step::Go(end);
        }
        Some(())
    }

    fn repetition(&mut self, repetition: &Repetition) -> Option<()> {
        let Repetition { min, max, greedy, sub } = repetition;
        if let Some(set) = single(sub)
            && *max == Some(*min)
            && (1..=FIXED_MAX).contains(min)
        {
            let set = self.set(set);
            return self.fixed(vec![set; *min as usize]);
        }
        if let Some(set) = single(sub) {
            let (set, max) = (self.set(set), max.unwrap_or(u32::MAX));
            self.push(Step::Run(Run { set, min: *min, max, greedy: *greedy, only: false }))?;
            return Some(());
        }
        for _ in 0..*min {
            self.expression(sub)?;
        }
        let in_order =
            |inside: At, after: At| if *greedy { (inside, after) } else { (after, inside) };
        match max {
            // What may be empty could be repeated for ever.
            None if sub.properties().minimum_len() == Some(0) => return None,
            None => {
                let either = self.either()?;
                self.expression(sub)?;
                self.push(Step::Go(either))?;
                let after = self.label();
                self.ways(either, in_order(either + 1, after));
            }
            Some(max) => {
                let mut open = Vec::new();
                for _ in *min..*max {
                    open.push(self.either()?);
                    self.expression(sub)?;
                }
                let after = self.label();
                for either in open {
                    self.ways(either, in_order(either + 1, after));
                }
            }
        }
        Some(())
    }
}

/// The set of an expression that matches one byte.
fn single(hir: &Hir) -> Option<Set> {
    let mut set = [false; 256];
    match hir.kind() {
        HirKind::Literal(text) if text.0.len() == 1 => set[usize::from(text.0[0])] = true,
        HirKind::Class(class) => {
            let bytes = match class {
                Class::Bytes(bytes) => bytes.clone(),
                Class::Unicode(of_unicode) => of_unicode.to_byte_class()?,
            };
            for range in bytes.iter() {
                set[usize::from(range.start())..=usize::from(range.end())].fill(true);
            }
        }
        _ => return None,
    }
    Some(set)
}

/// What can come next at a step.
struct First {
    bytes: Set,
    /// Whether the end of the line may come next.
    end: bool,
    /// Whether the pattern may have matched, whatever comes next.
    always: bool,
}

impl First {
    fn of(steps: &[Step], sets: &[Set], at: usize) -> Self {
        let mut first = Self { bytes: [false; 256], end: false, always: false };
        let mut known = vec![false; steps.len()];
        first.add(steps, sets, at, &mut known);
        first
    }

    fn add(&mut self, steps: &[Step], sets: &[Set], start: usize, known: &mut [bool]) {
        let mut open = vec![start];
        while let Some(at) = open.pop() {
            if std::mem::replace(&mut known[at], true) {
                continue;
            }
            match &steps[at] {
                Step::Fixed(fixed) => {
                    let set = &sets[fixed[0] as usize];
                    self.bytes.iter_mut().zip(set).for_each(|(byte, of)| *byte |= of);
                }
                Step::Run(run) => {
                    let set = &sets[run.set as usize];
                    self.bytes.iter_mut().zip(set).for_each(|(byte, of)| *byte |= of);
                    if run.min == 0 {
                        open.push(at + 1);
                    }
                }
                Step::Either { first, second, .. } => {
                    open.extend([*first as usize, *second as usize]);
                }
                Step::Bound(_) => open.push(at + 1),
                Step::Go(to) => open.push(*to as usize),
                Step::Look(Look::End) => self.end = true,
                Step::Look(_) => open.push(at + 1),
                Step::Matched => self.always = true,
            }
        }
    }

    /// Whether the pattern can go on with a byte, or at the end of the line, which is 256.
    fn may_be(&self, byte: usize) -> bool {
        self.always || self.bytes.get(byte).copied().unwrap_or(self.end)
    }
}

/// Where to go on at the two ways of the step at `at`, by the next byte.
fn next_of(steps: &[Step], firsts: &[First], at: usize, (first, second): (At, At)) -> Next {
    std::array::from_fn(|byte| {
        let may_be = |at: At| firsts[at as usize].may_be(byte);
        match (may_be(first), may_be(second)) {
            (false, false) => NOWHERE,
            (true, true) => BOTH,
            (is_first, _) => {
                let mut only = if is_first { first } else { second };
                while let Step::Go(to) = &steps[only as usize] {
                    only = *to;
                }
                match &steps[only as usize] {
                    // Those before it are not known yet.
                    Step::Either { next, .. } if only as usize > at && next[byte] != BOTH => {
                        next[byte]
                    }
                    _ => only,
                }
            }
        }
    })
}
