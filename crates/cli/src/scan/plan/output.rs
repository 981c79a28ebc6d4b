//! What to print, and how.

use cutwater_logs::render::Style;
use cutwater_logs::scan::Measure;
use cutwater_shell::Failure;

use super::super::Args;

/// What to print, and how.
#[derive(Debug)]
pub(in crate::scan) enum Output {
    /// How many records each log has, or lines.
    Count { json: bool, lines: bool },
    /// Groups of records, largest first.
    Groups { by: Vec<String>, measures: Vec<Measure>, limit: Option<usize>, form: GroupForm },
    /// What is in the logs.
    Summary { json: bool },
    /// The records themselves.
    Records(Records),
}

/// How groups are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::scan) enum GroupForm {
    /// In aligned columns.
    Table,
    /// A line each.
    Lines(Style),
    /// One JSON document.
    Json,
}

/// Which records are printed, in which order, and how.
#[derive(Debug)]
pub(in crate::scan) struct Records {
    pub(in crate::scan) form: RecordForm,
    pub(in crate::scan) order: Order,
    /// Only this many, the first.
    pub(in crate::scan) head: Option<usize>,
    /// Only this many, the last; with [`Order::Written`], the last that are there already.
    pub(in crate::scan) tail: Option<usize>,
}

/// How records are printed.
#[derive(Debug)]
pub(in crate::scan) enum RecordForm {
    /// The lines of the log.
    Lines,
    /// These fields, in aligned columns.
    Table(Vec<String>),
    /// These fields, in a line for each record.
    Fields(Vec<String>, Style),
    /// These fields, as Arrow IPC.
    Arrow(Vec<String>, ArrowForm),
}

/// The two forms of Arrow IPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::scan) enum ArrowForm {
    File,
    Stream,
}

/// The order of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::scan) enum Order {
    /// One log after the other.
    Read,
    /// By their times.
    Time,
    /// As they are written to the logs from now on.
    Written,
}

impl Output {
    /// Whether records are printed while the logs are read.
    pub(super) fn is_records(&self) -> bool {
        matches!(self, Self::Records(_))
    }

    /// Whether the output does not end by itself.
    pub(in crate::scan) fn is_endless(&self) -> bool {
        matches!(self, Self::Records(records) if records.order == Order::Written)
    }

    /// The output that the arguments ask for.
    ///
    /// # Errors
    /// When they do not fit together.
    pub(super) fn resolve(args: &Args) -> Result<Self, Failure> {
        check_forms(args)?;
        if args.count || args.count_lines {
            return Ok(Self::Count { json: args.json, lines: args.count_lines });
        }
        if let Some([n, field]) = args.top.as_deref() {
            let limit = n.parse().map_err(|_| {
                Failure::usage(format!(
                    "--top takes a number and a field, and {n:?} is not a number"
                ))
            })?;
            let (by, measures) = (vec![field.clone()], vec![Measure::Count]);
            return Ok(Self::Groups { by, measures, limit: Some(limit), form: group_form(args) });
        }
        if !args.by.is_empty() {
            let (by, measures) = (args.by.clone(), measures(args)?);
            return Ok(Self::Groups { by, measures, limit: None, form: group_form(args) });
        }
        let form = if !args.fields.is_empty() {
            field_form(args)
        } else if wants_lines(args) {
            if args.json {
                return Err(Failure::usage("lines have no JSON form; name fields with --fields"));
            }
            if args.tz_out.is_some() {
                return Err(Failure::usage(
                    "lines are printed as they stand; --tz-out needs --fields, --by or the summary",
                ));
            }
            RecordForm::Lines
        } else {
            return Ok(Self::Summary { json: args.json });
        };
        let order = match (args.follow, args.merge) {
            (true, _) => Order::Written,
            (_, true) => Order::Time,
            _ => Order::Read,
        };
        Ok(Self::Records(Records { form, order, head: args.head, tail: args.tail }))
    }
}

/// Checks that a form of fields or groups has fields or groups.
fn check_forms(args: &Args) -> Result<(), Failure> {
    let forms = [(args.csv, "--csv"), (args.tsv, "--tsv"), (args.ndjson, "--ndjson")];
    let columns = [(args.arrow, "--arrow"), (args.arrow_file, "--arrow-file")];
    if let Some((_, form)) = columns.iter().find(|(asked, _)| *asked && args.fields.is_empty()) {
        return Err(Failure::usage(format!("{form} writes fields; name them with --fields")));
    }
    let groups = args.top.is_some() || !args.by.is_empty();
    let rows = groups || !args.fields.is_empty();
    if let Some((_, form)) = forms.iter().find(|(asked, _)| *asked && !rows) {
        return Err(Failure::usage(format!(
            "{form} writes fields or groups; name them with --fields or --by"
        )));
    }
    Ok(())
}

fn wants_lines(args: &Args) -> bool {
    let filtered = !args.conditions.is_empty() && !args.json;
    filtered || args.follow || args.merge || args.head.is_some() || args.tail.is_some()
}

fn measures(args: &Args) -> Result<Vec<Measure>, Failure> {
    let measure = |text: &String| {
        Measure::parse(text).ok_or_else(|| {
            Failure::usage(format!("{text:?} is not a measure; try count or avg(FIELD)"))
        })
    };
    let measures = args.agg.iter().map(measure).collect::<Result<Vec<_>, _>>()?;
    Ok(if measures.is_empty() { vec![Measure::Count] } else { measures })
}

fn group_form(args: &Args) -> GroupForm {
    if args.json { GroupForm::Json } else { style(args).map_or(GroupForm::Table, GroupForm::Lines) }
}

fn field_form(args: &Args) -> RecordForm {
    let names = args.fields.clone();
    if args.arrow_file {
        RecordForm::Arrow(names, ArrowForm::File)
    } else if args.arrow {
        RecordForm::Arrow(names, ArrowForm::Stream)
    } else if args.json {
        RecordForm::Fields(names, Style::Ndjson)
    } else if let Some(style) = style(args) {
        RecordForm::Fields(names, style)
    } else {
        RecordForm::Table(names)
    }
}

/// The style that is asked for by name.
fn style(args: &Args) -> Option<Style> {
    let named = [(args.csv, Style::Csv), (args.tsv, Style::Tsv), (args.ndjson, Style::Ndjson)];
    named.into_iter().find(|(asked, _)| *asked).map(|(_, style)| style)
}
