//! `@timestamp` in a query: a name that begins with `@` needs no quotes.
//!
//! PostgreSQL's `@` before a word is an operator that the engine does not have.

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{
    Token, TokenWithSpan, Tokenizer, TokenizerError, Word,
};

/// The tokens of a query, in which a name that begins with `@` is one in quotes.
///
/// # Errors
/// When the text has no tokens.
pub(crate) fn tokens(sql: &str) -> Result<Vec<TokenWithSpan>, TokenizerError> {
    let mut joined: Vec<TokenWithSpan> = Vec::new();
    for token in Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize_with_location()? {
        match (joined.last_mut(), &token.token) {
            (Some(at), Token::Word(Word { value, quote_style: None, .. }))
                if at.token.to_string() == "@" =>
            {
                at.token = Token::make_word(&format!("@{value}"), Some('"'));
                at.span.end = token.span.end;
            }
            _ => joined.push(token),
        }
    }
    Ok(joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_begins_with_at_gets_quotes() {
        for (sql, expected) in [
            ("SELECT @timestamp FROM log", "SELECT \"@timestamp\" FROM log"),
            ("SELECT é, l.@t,\n (@t) FROM log l", "SELECT é, l.\"@t\",\n (\"@t\") FROM log l"),
            ("SELECT @m.beat", "SELECT \"@m\".beat"),
            ("WHERE @timestamp>'@x'", "WHERE \"@timestamp\">'@x'"),
            ("SELECT \"@t\" FROM log", "SELECT \"@t\" FROM log"),
            ("SELECT a @> b, a <@ b", "SELECT a @> b, a <@ b"),
        ] {
            let shown: String = tokens(sql).unwrap().iter().map(ToString::to_string).collect();
            assert_eq!(shown, expected);
        }
        assert!(tokens("SELECT 'open").is_err());
    }
}
