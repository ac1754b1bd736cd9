//! The words of a body: only those that every reader of SQL cuts alike.

use eventide_types::mart::catalogue::Segment;
use eventide_types::printable;
use sqlparser::dialect::RedshiftSqlDialect;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer, Whitespace};

/// Words of the longest body. The parser's results are trees as deep as an expression is long.
const MAX_WORDS: usize = 8_000;
/// Operators of a body, for the same reason.
const MAX_OPERATORS: usize = 1_000;
/// Levels of parentheses, brackets and `CASE`. Where the parser does not get on, it tries another way at each of them, so
/// that its time doubles with every level.
const MAX_DEPTH: usize = 12;
/// Words that are operators: each makes the tree of an expression, or of a query, deeper by one.
const OPERATORS: [&str; 18] = [
    "AND",
    "OR",
    "NOT",
    "IS",
    "ISNULL",
    "NOTNULL",
    "LIKE",
    "ILIKE",
    "SIMILAR",
    "BETWEEN",
    "IN",
    "COLLATE",
    "AT",
    "OVERLAPS",
    "UNION",
    "EXCEPT",
    "INTERSECT",
    "MINUS",
];

/// Characters of a word that a fault repeats.
const SHOWN: usize = 40;

/// A place in the body: line and column, both from 1 on.
pub(super) type Place = (u64, u64);

/// A body, cut into words.
#[derive(Debug)]
pub(super) struct Words {
    /// The words for the parser, without comments and the final semicolon.
    pub(super) tokens: Vec<TokenWithSpan>,
    /// The text, with a space or line end for each comment, cut at the parameters.
    pub(super) pieces: Vec<Segment>,
    /// The parameters and their places, in order.
    pub(super) parameters: Vec<(Place, String)>,
}

/// Cuts a body into words.
pub(super) fn cut(body: &str) -> Result<Words, (u64, String)> {
    // As they are written: what escapes stand for is not to be known here.
    let mut tokenizer = Tokenizer::new(&RedshiftSqlDialect {}, body).with_unescape(false);
    let tokens = tokenizer
        .tokenize_with_location()
        .map_err(|error| (error.location.line, format!("body: {}", error.message)))?;
    let mut rest = Rest { text: body, place: Location::new(1, 1) };
    let mut words = Words { tokens: Vec::new(), pieces: Vec::new(), parameters: Vec::new() };
    let mut text = String::new();
    let (mut count, mut operators) = (0, 0);
    let (mut nesting, mut interval) = (Nesting::default(), false);
    let mut ended = false;
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let line = token.span.start.line;
        let raw = rest.until(token.span.end);
        if let Token::Whitespace(space) = &token.token {
            text.push_str(match space {
                Whitespace::MultiLineComment(comment) if comment.contains("/*") => {
                    return Err((line, "a comment within a comment".to_owned()));
                }
                Whitespace::Newline | Whitespace::SingleLineComment { .. } => "\n",
                Whitespace::Space | Whitespace::Tab | Whitespace::MultiLineComment(_) => " ",
            });
            words
                .tokens
                .push(TokenWithSpan { token: Token::Whitespace(Whitespace::Space), span: token.span });
            continue;
        }
        if token.token == Token::EOF {
            break;
        }
        if ended {
            return Err((
                line,
                "something after the end of the statement, expected exactly one `SELECT`".to_owned(),
            ));
        }
        if token.token == Token::SemiColon {
            ended = true;
            continue;
        }
        refused(&token.token, raw).map_or(Ok(()), |reason| Err((line, reason)))?;
        count += 1;
        operators += usize::from(is_operator(&token.token));
        if nesting.enter(&token.token) > MAX_DEPTH {
            return Err((
                line,
                format!("the body is nested too deeply, expected at most {MAX_DEPTH} levels"),
            ));
        }
        if std::mem::replace(&mut interval, is_word(&token.token, "INTERVAL"))
            && !matches!(token.token, Token::SingleQuotedString(_))
        {
            // Redshift has no other; and one after another would cost the parser as much as levels do.
            return Err((line, "`INTERVAL` before something else than a text".to_owned()));
        }
        if count > MAX_WORDS || operators > MAX_OPERATORS {
            let reason = format!(
                "the body is too long, expected at most {MAX_WORDS} words, {MAX_OPERATORS} of them operators"
            );
            return Err((line, reason));
        }
        if token.token == Token::Colon {
            let Some(name) = tokens.peek().and_then(|next| parameter(&next.token)) else {
                return Err((line, "a colon, expected it before a parameter's name only".to_owned()));
            };
            words.pieces.push(Segment::Sql(std::mem::take(&mut text)));
            words.pieces.push(Segment::Parameter(name.clone()));
            words.parameters.push(((line, token.span.start.column), name));
            words.tokens.push(token);
            if let Some(name) = tokens.next() {
                rest.until(name.span.end);
                words.tokens.push(name);
            }
            continue;
        }
        text.push_str(raw);
        words.tokens.push(token);
    }
    words.pieces.push(Segment::Sql(text.trim_end().to_owned()));
    if let Some(Segment::Sql(first)) = words.pieces.first_mut() {
        *first = first.trim_start().to_owned();
    }
    Ok(words)
}

fn parameter(token: &Token) -> Option<String> {
    match token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.value.clone()),
        _ => None,
    }
}

/// How deep the words are nested.
#[derive(Default)]
struct Nesting {
    levels: Vec<usize>,
    /// What the next parenthesis counts.
    weight: usize,
}

impl Nesting {
    /// The depth behind a word.
    fn enter(&mut self, token: &Token) -> usize {
        let is = |word: &str| is_word(token, word);
        match token {
            Token::LParen | Token::LBracket => self.levels.push(1 + self.weight),
            _ if is("CASE") => self.levels.push(1),
            Token::RParen | Token::RBracket => drop(self.levels.pop()),
            _ if is("END") => drop(self.levels.pop()),
            _ => {}
        }
        // Behind this word the parser has three ways and not two.
        self.weight = usize::from(is("POSITION"));
        self.levels.iter().sum()
    }
}

fn is_word(token: &Token, word: &str) -> bool {
    matches!(token, Token::Word(this) if this.quote_style.is_none() && this.value.eq_ignore_ascii_case(word))
}

fn is_operator(token: &Token) -> bool {
    match token {
        Token::Word(word) => OPERATORS.iter().any(|operator| operator.eq_ignore_ascii_case(&word.value)),
        Token::SingleQuotedString(_) | Token::Number(..) => false,
        Token::Comma | Token::LParen | Token::RParen | Token::Period | Token::Colon => false,
        _ => true,
    }
}

/// Why a word is not taken.
fn refused(token: &Token, raw: &str) -> Option<String> {
    match token {
        Token::Word(word) => match word.quote_style {
            Some('"') => None,
            Some(_) => Some("an identifier in brackets, expected double quotes".to_owned()),
            None if raw.contains('#') => Some(format!(
                "the name `{}`, expected none with `#`, as of temporary tables",
                printable(raw, SHOWN)
            )),
            None => None,
        },
        Token::SingleQuotedString(_) if raw.contains('\\') => {
            Some("a backslash in a text, which is an escape to some; expected `CHR(92)`".to_owned())
        }
        Token::SingleQuotedString(_) | Token::Number(..) => None,
        Token::Comma
        | Token::LParen
        | Token::RParen
        | Token::LBracket
        | Token::RBracket
        | Token::Period
        | Token::Colon
        | Token::DoubleColon
        | Token::Eq
        | Token::Neq
        | Token::Lt
        | Token::Gt
        | Token::LtEq
        | Token::GtEq
        | Token::Plus
        | Token::Minus
        | Token::Mul
        | Token::Div
        | Token::Mod
        | Token::StringConcat
        | Token::Caret
        | Token::Ampersand
        | Token::Pipe
        | Token::Tilde
        | Token::TildeAsterisk
        | Token::ExclamationMarkTilde
        | Token::ExclamationMarkTildeAsterisk
        | Token::ShiftLeft
        | Token::ShiftRight => None,
        _ => Some(format!(
            "`{}` is not allowed here: not every reader of SQL takes it for the same",
            printable(raw, SHOWN)
        )),
    }
}

/// A text on its way through the places of its words, which follow each other without gaps.
struct Rest<'a> {
    text: &'a str,
    place: Location,
}

impl<'a> Rest<'a> {
    /// The text up to a place.
    fn until(&mut self, end: Location) -> &'a str {
        let mut length = self.text.len();
        for (at, c) in self.text.char_indices() {
            if self.place >= end {
                length = at;
                break;
            }
            // As the parser counts: columns in characters, and only a line feed begins a line.
            self.place = match c {
                '\n' => Location::new(self.place.line + 1, 1),
                _ => Location::new(self.place.line, self.place.column + 1),
            };
        }
        let (taken, rest) = self.text.split_at(length);
        self.text = rest;
        taken
    }
}
