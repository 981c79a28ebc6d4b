//! The questions, in words that both engines understand.

/// One question.
#[derive(Debug)]
pub(super) struct Question {
    pub name: &'static str,
    /// `LOG` is the log, `OWNERS` a small one; between `SINCE` and `UNTIL` is a hundredth of it.
    pub sql: &'static str,
}

/// All of them. Each gives the same rows in the same order, whoever is asked.
pub(super) const QUESTIONS: [Question; 12] = [
    Question {
        name: "group",
        sql: "SELECT status, count(*), avg(latency_ms) FROM LOG GROUP BY status ORDER BY status",
    },
    Question { name: "count", sql: "SELECT count(*) FROM LOG" },
    Question {
        name: "text filter",
        sql: "SELECT count(*), sum(bytes) FROM LOG WHERE path LIKE '/cart/1234%'",
    },
    Question {
        name: "top 10",
        sql: "SELECT path, status, latency_ms FROM LOG WHERE latency_ms IS NOT NULL \
              ORDER BY latency_ms DESC, path LIMIT 10",
    },
    Question {
        name: "median per minute",
        sql: "SELECT CAST(extract(epoch FROM date_trunc('minute', ts)) AS BIGINT) AS minute, \
              count(*), median(latency_ms) FROM LOG GROUP BY 1 ORDER BY 1",
    },
    Question { name: "distinct", sql: "SELECT count(DISTINCT path) FROM LOG" },
    Question {
        name: "filter and project",
        sql: "SELECT path, bytes, latency_ms FROM LOG WHERE status = 503 AND latency_ms > 200 \
              ORDER BY latency_ms, path",
    },
    Question {
        name: "join",
        sql: "SELECT o.team, count(*), sum(l.bytes) FROM LOG l JOIN OWNERS o ON l.method = o.method \
              GROUP BY o.team ORDER BY o.team",
    },
    Question {
        name: "window",
        sql: "SELECT status, max(step) FROM (SELECT status, latency_ms - lag(latency_ms) OVER \
              (PARTITION BY status ORDER BY ts, latency_ms) AS step FROM LOG WHERE status >= 500) \
              AS steps GROUP BY status ORDER BY status",
    },
    Question {
        name: "1 % of time",
        sql: "SELECT count(*), avg(latency_ms) FROM LOG WHERE ts >= 'SINCE' AND ts < 'UNTIL'",
    },
    Question { name: "regex", sql: "SELECT count(*) FROM LOG WHERE path ~ '.*users/1[0-9]+7$'" },
    Question { name: "limit 10", sql: "SELECT path, status, bytes FROM LOG LIMIT 10" },
];

impl Question {
    /// The question with names in place.
    pub(super) fn with(&self, log: &str, owners: &str, since: &str, until: &str) -> String {
        let named = self.sql.replace("LOG", log).replace("OWNERS", owners);
        named.replace("SINCE", since).replace("UNTIL", until)
    }
}
