//! Which envelopes the lines of a log have.

use super::{DEPTH_MAX, Envelope, EnvelopeKind, Wrapping, colours, is_text, wrapped_text};
use crate::Result;
use crate::format::cursor::Cursor;
use crate::format::detect::{Detected, LEAST_MIXED_TIMES, bare, field_names, is_mixture, texts};
use crate::format::plain::begins_with_time;
use crate::format::{Definition, Format};
use crate::record::{Fields, Record};
use crate::time::{Clock, Rules};

/// An envelope is believed where at least this share of the lines has it.
const LEAST: f64 = 0.9;

/// The same for an envelope that is a format of its own, which was found before.
const LEAST_STRICT: f64 = 0.5;

/// A format inside is believed at this share where a prefix proves little by itself.
const LEAST_INSIDE: f64 = 0.5;

/// The most bytes of a text of several pieces in a sample.
const TEXT_BYTES_MAX: usize = 1 << 20;

/// Finds the format of sampled lines and their envelopes; an empty sample is raw lines with confidence
/// 0. Colour codes are ignored.
///
/// # Errors
/// None at present; a request that cannot be served would be one.
pub fn detect(sample: &[u8], rules: &Rules) -> Result<Detected> {
    if !colours::has(sample) {
        return look(sample, rules, DEPTH_MAX);
    }
    let mut plain = Vec::with_capacity(sample.len());
    colours::strip_into(sample, &mut plain);
    let mut found = look(&plain, rules, DEPTH_MAX)?;
    found.definition = coloured(found.definition, &found.time);
    Ok(found)
}

/// What the user's definition means for sampled lines: a format by name may be in envelopes, or be
/// one.
pub(crate) fn given(definition: &Definition, sample: &[u8], rules: &Rules) -> Result<Definition> {
    if let Definition::Known(format) = definition {
        let found = detect(sample, rules)?.definition;
        let outer = found.envelopes().first().and_then(|e| e.kind.format());
        if found.format() == *format || outer == Some(*format) {
            return Ok(found);
        }
        if let Some(text) = wrapped_text(*format) {
            return Ok(text);
        }
    }
    let definition = definition.for_log(sample, rules);
    Ok(if colours::has(sample) { coloured(definition, &None) } else { definition })
}

/// A definition of lines with colour codes.
fn coloured(definition: Definition, time: &Option<String>) -> Definition {
    match definition {
        Definition::Wrapped(wrapping) => {
            Definition::Wrapped(Wrapping { coloured: true, ..wrapping })
        }
        inside => Definition::Wrapped(Wrapping {
            envelopes: Vec::new(),
            inside: Box::new(inside),
            mixed: false,
            time: time.clone(),
            coloured: true,
        }),
    }
}

/// A format between lines of text.
pub(in crate::format) fn mixed(inside: Definition, time: Option<String>) -> Definition {
    Definition::Wrapped(Wrapping {
        envelopes: Vec::new(),
        inside: Box::new(inside),
        mixed: true,
        time,
        coloured: false,
    })
}

/// The format of lines that may have up to `depth` envelopes.
fn look(sample: &[u8], rules: &Rules, depth: usize) -> Result<Detected> {
    if depth == 0 {
        return bare(sample, rules);
    }
    for kind in [EnvelopeKind::Kubectl, EnvelopeKind::Compose] {
        if let Some(found) = wrap(kind, sample, rules, depth)? {
            return Ok(found);
        }
    }
    let mut found = bare(sample, rules)?;
    // Pieces are joined before anything else is looked at, so these envelopes are the outermost.
    if depth < DEPTH_MAX && found.format == Format::Docker {
        found.format = Format::Json;
        found.definition = Definition::Known(Format::Json);
    }
    for &kind in candidates(found.format).iter().filter(|k| depth == DEPTH_MAX || !k.is_copied()) {
        if let Some(wrapped) = wrap(kind, sample, rules, depth)? {
            return Ok(wrapped);
        }
    }
    Ok(match wrapped_text(found.format).filter(|_| depth == DEPTH_MAX) {
        Some(definition) => Detected { definition, time: Some("time".to_owned()), ..found },
        None => found,
    })
}

/// The envelopes that lines of `format` may have.
fn candidates(format: Format) -> &'static [EnvelopeKind] {
    match format {
        Format::Docker => &[EnvelopeKind::Docker],
        Format::Cri => &[EnvelopeKind::Cri],
        Format::Syslog => &[EnvelopeKind::Syslog],
        Format::Syslog5424 => &[EnvelopeKind::Syslog5424],
        Format::Json => &[EnvelopeKind::Journald],
        Format::Plain | Format::Raw | Format::Logfmt => &[
            EnvelopeKind::Gitlab,
            EnvelopeKind::Cee,
            EnvelopeKind::Time,
            EnvelopeKind::Cloudwatch,
            EnvelopeKind::Stern,
        ],
        _ => &[],
    }
}

/// What the lines are where they have this envelope; nothing where they do not have it, or where what
/// is inside says nothing more.
fn wrap(
    kind: EnvelopeKind,
    sample: &[u8],
    rules: &Rules,
    depth: usize,
) -> Result<Option<Detected>> {
    let Some(peeled) = peel(kind, sample, rules) else { return Ok(None) };
    let inside = look(&peeled.inner, rules, depth - 1)?;
    if !accepts(kind, &inside, sample, &peeled) {
        return Ok(None);
    }
    let share = peeled.opened as f64 / peeled.lines.max(1) as f64;
    let names = names(&inside.definition, &peeled.inner);
    let envelope = Envelope::new(kind, &names, inside.format == Format::Access);
    let outer_time = kind_has_time(kind).then(|| envelope.field("time"));
    let (mut envelopes, definition, text_mixed) = match inside.definition {
        Definition::Wrapped(w) => (w.envelopes, w.inside, w.mixed),
        other => (Vec::new(), Box::new(other), false),
    };
    envelopes.insert(0, envelope);
    let format = definition.format();
    let own_time =
        inside.time.filter(|_| outer_time.is_none() || !is_text(format) || envelopes.len() > 1);
    let time = own_time.or(outer_time);
    let mixed = text_mixed
        || is_mixture(peeled.texts, peeled.lines)
        || match format {
            Format::Json => is_mixture(texts(&peeled.inner, true), peeled.opened),
            _ => !is_text(format),
        };
    let wrapping =
        Wrapping { envelopes, inside: definition, mixed, time: time.clone(), coloured: false };
    let format = wrapping.format();
    Ok(Some(Detected {
        format,
        definition: Definition::Wrapped(wrapping),
        confidence: if is_text(inside.format) { share } else { share.min(inside.confidence) },
        time,
        lines: peeled.lines,
    }))
}

fn kind_has_time(kind: EnvelopeKind) -> bool {
    !matches!(
        kind,
        EnvelopeKind::Compose
            | EnvelopeKind::Kubectl
            | EnvelopeKind::Stern
            | EnvelopeKind::Cee
            | EnvelopeKind::Journald
    )
}

/// Names of the fields that lines inside have; none where they are text.
fn names(inside: &Definition, sample: &[u8]) -> Vec<String> {
    match inside {
        Definition::Wrapped(w) if w.envelopes.is_empty() => names(&w.inside, sample),
        other if is_text(other.format()) => Vec::new(),
        other => field_names(other, sample),
    }
}

/// What is inside the sampled lines.
struct Peeled {
    inner: Vec<u8>,
    /// Lines with the envelope, and all lines that are not blank.
    opened: usize,
    lines: usize,
    /// Lines of text beside those with the envelope, where that is a time before JSON.
    texts: usize,
    /// Whether all names in front are those of pods.
    pods: bool,
}

/// Takes an envelope off sampled lines; nothing where too few have it.
fn peel(kind: EnvelopeKind, sample: &[u8], rules: &Rules) -> Option<Peeled> {
    let envelope = Envelope::new(kind, &[], false);
    let rewritten;
    let sample = match kind {
        EnvelopeKind::Docker | EnvelopeKind::Cri => {
            let Definition::Wrapped(wrapping) = wrapped_text(kind.format()?)? else { return None };
            rewritten = wrapping.rewriter(TEXT_BYTES_MAX)?.sample(sample);
            &rewritten[..]
        }
        _ => sample,
    };
    let mut fields = Fields::all();
    let mut layer = envelope.layer(&mut fields, rules);
    let mut record = Record::default();
    let inner = Vec::with_capacity(sample.len());
    let mut peeled = Peeled { inner, opened: 0, lines: 0, texts: 0, pods: true };
    // The word after a time may be a level, too, so more must speak for that of `aws logs tail`.
    let mut clock = (kind == EnvelopeKind::Time).then(|| Clock::new(rules.clone()));
    let mut start = 0;
    while start < sample.len() {
        let end = crate::format::feed(sample, start);
        if !crate::format::is_blank(&sample[start..end]) {
            peeled.lines += 1;
            record.clear();
            let mut c = Cursor::new(sample, start, end);
            if layer.open(&mut c, &mut fields, &mut record).is_ok() {
                peeled.opened += 1;
                super::prefixes::skip_cee(&mut c);
                peeled.inner.extend_from_slice(c.rest());
                peeled.inner.push(b'\n');
                peeled.pods &= super::prefixes::is_of_pod(&sample[start..end]);
            } else if let Some(clock) = &mut clock
                && begins_with_time(clock, &sample[start..end])
            {
                peeled.texts += 1;
            }
        }
        start = end + 1;
    }
    let (least, lines) = match kind {
        _ if kind.is_strict() => (LEAST_STRICT, peeled.lines),
        // Lines without a time belong to the text before.
        _ if peeled.texts > 0 => (LEAST_MIXED_TIMES, peeled.opened + peeled.texts),
        _ => (LEAST, peeled.lines),
    };
    (peeled.opened > 0 && peeled.opened as f64 >= least * lines as f64).then_some(peeled)
}

/// Whether what is inside confirms the envelope.
fn accepts(kind: EnvelopeKind, inside: &Detected, sample: &[u8], peeled: &Peeled) -> bool {
    let text = is_text(inside.definition.format());
    let nested = matches!(&inside.definition, Definition::Wrapped(w) if !w.envelopes.is_empty());
    match kind {
        EnvelopeKind::Kubectl | EnvelopeKind::Gitlab => true,
        // Tables of text have bars, too.
        EnvelopeKind::Compose => !text || nested || are_numbered(sample),
        EnvelopeKind::Docker | EnvelopeKind::Cri => !text || nested,
        EnvelopeKind::Syslog | EnvelopeKind::Syslog5424 => {
            let sure = inside.format != Format::Logfmt || inside.confidence >= LEAST_INSIDE;
            !text && sure
        }
        EnvelopeKind::Time
        | EnvelopeKind::Cloudwatch
        | EnvelopeKind::Cee
        | EnvelopeKind::Journald => inside.format == Format::Json,
        EnvelopeKind::Stern if text => {
            let all = peeled.opened == peeled.lines && peeled.pods;
            all && inside.format == Format::Plain
        }
        EnvelopeKind::Stern => inside.confidence >= LEAST_INSIDE,
    }
}

/// Whether most lines begin with the name of a container that Compose made: `web-1`, `web_1`.
fn are_numbered(sample: &[u8]) -> bool {
    let lines = || sample.split(|&b| b == b'\n').filter(|line| !crate::format::is_blank(line));
    let is_numbered = |line: &&[u8]| {
        let name = line.split(|&b| b == b' ' || b == b'|').next().unwrap_or_default();
        let digits = name.iter().rev().take_while(|b| b.is_ascii_digit()).count();
        let before = name.len().checked_sub(digits + 1).map(|at| name[at]);
        digits > 0 && matches!(before, Some(b'-' | b'_'))
    };
    lines().filter(is_numbered).count() as f64 >= LEAST * lines().count() as f64
}
