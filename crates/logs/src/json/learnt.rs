//! The templates of a file: which are kept, and whether they are worth a try.

use super::template::{Ended, Template};
use crate::record::Record;

/// The most templates that are kept.
const TEMPLATES_MAX: usize = 4;

/// The bounds of a score of how well templates do: it goes up with each line that fits one, and down
/// with each template that a line does not fit. At the lower bound templates are not tried for some
/// lines, and are then learnt anew.
const SCORE_MAX: i32 = 256;
const LINES_LEFT_ALONE: u32 = 4096;

#[derive(Debug, Clone, Default)]
pub(super) struct Learnt {
    /// The template that the last line fitted comes first.
    templates: Vec<Template>,
    score: i32,
    left_alone: u32,
}

impl Learnt {
    /// Where the line at `start` ends, if it fits a template.
    #[inline]
    pub(super) fn line(
        &mut self,
        block: &[u8],
        stops: &[u32],
        start: usize,
        stop: usize,
        record: &mut Record,
    ) -> Option<Ended> {
        if let Some(first) = self.templates.first() {
            let ended = first.line(block, stops, start, stop, record);
            if ended.is_some() {
                self.score = SCORE_MAX.min(self.score + 1);
                return ended;
            }
            record.clear();
            return self.others(block, stops, start, stop, record);
        }
        None
    }

    #[inline(never)]
    fn others(
        &mut self,
        block: &[u8],
        stops: &[u32],
        start: usize,
        stop: usize,
        record: &mut Record,
    ) -> Option<Ended> {
        for at in 1..self.templates.len() {
            let ended = self.templates[at].line(block, stops, start, stop, record);
            if ended.is_some() {
                self.score -= at as i32 - 1;
                self.templates.swap(0, at);
                return ended;
            }
            record.clear();
        }
        self.score -= self.templates.len() as i32;
        if self.score < -SCORE_MAX {
            *self = Self { left_alone: LINES_LEFT_ALONE, ..Self::default() };
        }
        None
    }

    /// Whether the line to be walked over should be learnt.
    #[inline]
    pub(super) fn wants_more(&mut self) -> bool {
        self.left_alone = self.left_alone.saturating_sub(1);
        self.left_alone == 0
    }

    /// Keeps the template of the line before, in place of the one that was not met for longest.
    pub(super) fn keep(&mut self, template: Template) {
        self.templates.truncate(TEMPLATES_MAX - 1);
        self.templates.insert(0, template);
    }
}
