//! Typed variables: what they hold is checked, because it is not screened.

use std::collections::HashSet;
use std::sync::LazyLock;

use eventide_types::campaign::settings::Variable;
use icu_normalizer::DecomposingNormalizerBorrowed;

use crate::address::is_domain;

const MAX_NAME_CHARACTERS: usize = 40;
const MAX_NAME_WORDS: usize = 3;
const MAX_NUMBER_CHARACTERS: usize = 24;
const MAX_NUMBER_DIGITS: usize = 15;
const MAX_DATE_CHARACTERS: usize = 40;
const MAX_URL_BYTES: usize = 2_048;

/// Whether `value` is what `variable` says; else what was expected.
pub(crate) fn check(variable: &Variable, value: &str) -> Result<(), String> {
    match variable {
        Variable::Text => Ok(()),
        Variable::Name => name(value).map_err(str::to_owned),
        Variable::Number if is_number(value) => Ok(()),
        Variable::Number => {
            Err("expected a number of at most 15 digits, with at most a sign, a currency sign or a unit of \
            three letters"
                .to_owned())
        }
        Variable::Date if is_date(value) => Ok(()),
        Variable::Date => {
            Err("expected a date, a time of day or both in digits, such as `2026-12-24 18:30`".to_owned())
        }
        Variable::Url { hosts } if is_url(value, hosts) => Ok(()),
        Variable::Url { hosts } => Err(format!(
            "expected an `https` address without user and port, of {} or below",
            hosts.join(", ")
        )),
    }
}

/// Words that no name may have, by the categories that carriers and mailbox providers restrict: a name is not
/// screened. Who is really called so has to be addressed by a free-text variable, which is.
const RESTRICTED: &str = "
    casino casinos bet bets betting gamble gambling gambler jackpot jackpots lottery lotto slot slots
    poker roulette blackjack wager wagers sportsbook bookie bingo
    loan loans payday lender lenders crypto bitcoin forex credit debt debts mortgage refinance
    invest investment cash payout forgiveness bankruptcy relief
    sex sexy sexual porn porno xxx escort escorts nude nudes erotic fetish hookup hookups viagra cialis
    nazi hitler kkk
    alcohol beer beers wine wines whiskey whisky vodka rum gin tequila liquor booze
    gun guns firearm firearms rifle rifles pistol pistols ammo ammunition shotgun glock handgun handguns
    bullet bullets
    tobacco cigarette cigarettes cigar cigars vape vapes vaping nicotine hookah
    weed cannabis marijuana cbd thc cocaine heroin meth kush opioid opioids drugs shrooms psilocybin
    buy click free win winner sale offer discount deal deals promo bonus call text visit http https www com
";

/// Of those, what is refused as a part of a word too: no name has it.
const RESTRICTED_PARTS: [&str; 16] = [
    "casino",
    "gambling",
    "jackpot",
    "lottery",
    "blackjack",
    "sportsbook",
    "bitcoin",
    "mortgage",
    "porn",
    "viagra",
    "firearm",
    "tobacco",
    "cigarette",
    "cannabis",
    "marijuana",
    "cocaine",
];

static RESTRICTED_WORDS: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| RESTRICTED.split_whitespace().collect());

fn name(value: &str) -> Result<(), &'static str> {
    const EXPECTED: &str = "expected a name of at most 40 characters and 3 words: letters, `'`, `’`, `-`, and \
        `.` after an initial or a word";
    const RESTRICTED: &str = "expected a name without words of restricted categories; let the variable be \
        text if somebody is called so";
    let mut characters = 0;
    let mut words = 0;
    for word in value.split(' ') {
        characters += word.chars().count() + 1;
        words += 1;
        if word.is_empty() || words > MAX_NAME_WORDS || characters > MAX_NAME_CHARACTERS + 1 {
            return Err(EXPECTED);
        }
        if !is_name_word(word) {
            return Err(EXPECTED);
        }
        if word.split(['-', '\'', '’', '.']).chain([word]).any(is_restricted) {
            return Err(RESTRICTED);
        }
    }
    // `ca sino` and `g.u.n`, letter by letter.
    let letters: String = value.chars().filter(|character| character.is_alphabetic()).collect();
    let spaced = value.split([' ', '.', '-', '\'', '’']).all(|part| part.chars().count() <= 1);
    let hidden = if spaced { is_restricted(&letters) } else { has_restricted_part(&folded(&letters)) };
    if hidden { Err(RESTRICTED) } else { Ok(()) }
}

fn is_name_word(word: &str) -> bool {
    let is_letter = |character: char| character.is_alphabetic() || is_mark(character);
    let fits = word.chars().all(|character| is_letter(character) || "'’-.".contains(character));
    if !fits || !word.chars().any(char::is_alphabetic) {
        return false;
    }
    // Two scripts that look alike in one word are no name's.
    let latin = word.chars().any(|character| {
        matches!(character, 'A'..='Z' | 'a'..='z' | '\u{C0}'..='\u{24F}' | '\u{1E00}'..='\u{1EFF}')
    });
    let alike =
        word.chars().any(|character| matches!(character, '\u{370}'..='\u{52F}' | '\u{1F00}'..='\u{1FFF}'));
    if latin && alike {
        return false;
    }
    // `bit.ly` is a host. A full stop ends a word, or stands between initials.
    let mut parts = word.split('.').peekable();
    let mut lengths = vec![];
    while let Some(part) = parts.next() {
        lengths.push((part.chars().count(), parts.peek().is_none()));
    }
    let ends = lengths.iter().all(|(length, last)| *length > 0 || *last);
    let initials = lengths.iter().filter(|(length, _)| *length > 0);
    ends && (initials.clone().count() <= 1 || initials.clone().all(|(length, _)| *length == 1))
}

/// Combining marks that names of Indic, Arabic, Hebrew, Thai and decomposed Latin script are written with.
const fn is_mark(character: char) -> bool {
    matches!(
        character,
        '\u{300}'..='\u{36F}' | '\u{591}'..='\u{5BD}' | '\u{5BF}'..='\u{5C7}' | '\u{610}'..='\u{61A}'
            | '\u{64B}'..='\u{65F}' | '\u{670}' | '\u{900}'..='\u{903}' | '\u{93A}'..='\u{94F}'
            | '\u{951}'..='\u{957}' | '\u{981}'..='\u{983}' | '\u{9BC}'..='\u{9CD}' | '\u{A01}'..='\u{A03}'
            | '\u{A3C}'..='\u{A51}'
            | '\u{A81}'..='\u{A83}' | '\u{ABC}'..='\u{ACD}' | '\u{B01}'..='\u{B03}' | '\u{B3C}'..='\u{B57}'
            | '\u{B82}' | '\u{BBE}'..='\u{BD7}' | '\u{C00}'..='\u{C04}' | '\u{C3C}'..='\u{C56}'
            | '\u{C81}'..='\u{C83}' | '\u{CBC}'..='\u{CD6}' | '\u{D00}'..='\u{D03}' | '\u{D3B}'..='\u{D57}'
            | '\u{E31}' | '\u{E34}'..='\u{E3A}' | '\u{E47}'..='\u{E4E}' | '\u{102B}'..='\u{103E}'
            | '\u{17B6}'..='\u{17D3}'
    )
}

fn is_restricted(word: &str) -> bool {
    if word.is_ascii() && !word.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return RESTRICTED_WORDS.contains(word) || has_restricted_part(word);
    }
    let folded = folded(word);
    RESTRICTED_WORDS.contains(folded.as_str()) || has_restricted_part(&folded)
}

fn has_restricted_part(folded: &str) -> bool {
    RESTRICTED_PARTS.iter().any(|part| folded.contains(part))
}

/// In lower case, without marks on letters.
fn folded(word: &str) -> String {
    if word.is_ascii() {
        return word.to_ascii_lowercase();
    }
    let decomposed = DecomposingNormalizerBorrowed::new_nfkd().normalize(word).into_owned();
    decomposed.to_lowercase().chars().filter(|character| !is_mark(*character)).collect()
}

/// Digits with separators; before or after them a sign, a currency sign, `%`, or a unit of at most three
/// letters.
fn is_number(value: &str) -> bool {
    const CURRENCIES: &str = "$€£¥₹₩₽₺₴₦₫₱฿₪₡₲₵₸₼₾₿¢%‰°";
    const SPACES: [char; 3] = [' ', '\u{A0}', '\u{202F}'];
    if value.chars().count() > MAX_NUMBER_CHARACTERS {
        return false;
    }
    let value = value.trim_matches(SPACES);
    let is_digit = |character: char| character.is_ascii_digit();
    let (Some(begin), Some(end)) = (value.find(is_digit), value.rfind(is_digit)) else { return false };
    let (before, rest) = value.split_at_checked(begin).unwrap_or_default();
    let (number, after) = rest.split_at_checked(end - begin + 1).unwrap_or_default();
    let separators = number.split(is_digit).all(|between| {
        let mut characters = between.chars();
        let first = characters.next();
        first.is_none_or(|first| ".,'’".contains(first) || SPACES.contains(&first))
            && characters.next().is_none()
    });
    let is_unit = |text: &str| {
        let text = text.trim_matches(SPACES);
        let sign = |text: &str| {
            let mut characters = text.chars();
            characters.next().is_some_and(|sign| CURRENCIES.contains(sign)) && characters.next().is_none()
        };
        let letters = |text: &str| {
            (1..=3).contains(&text.chars().count())
                && text.chars().all(char::is_alphabetic)
                && !is_restricted(text)
        };
        text.is_empty() || sign(text) || letters(text)
    };
    let unsigned = |text: &str| {
        let without = text.trim_start_matches(SPACES);
        let stripped = without.strip_prefix(['+', '-', '−']);
        let stripped = stripped.or_else(|| without.strip_suffix(['+', '-', '−']));
        is_unit(stripped.unwrap_or(without))
    };
    let one_unit = before.chars().filter(|character| character.is_alphabetic()).count() == 0
        || after.chars().filter(|character| character.is_alphabetic()).count() == 0;
    let digits = number.chars().filter(char::is_ascii_digit).count();
    digits <= MAX_NUMBER_DIGITS && separators && unsigned(before) && is_unit(after) && one_unit
}

/// At most one date and one time of day.
fn is_date(value: &str) -> bool {
    if value.chars().count() > MAX_DATE_CHARACTERS {
        return false;
    }
    let (mut dates, mut times) = (0, 0);
    // An RFC 3339 time has a `T` between digits.
    let is_joint = |at: usize| {
        let around = value.get(at.wrapping_sub(1)..at + 2).unwrap_or_default().as_bytes();
        matches!(around, [before, b'T', after] if before.is_ascii_digit() && after.is_ascii_digit())
    };
    let joint = value.match_indices('T').map(|(at, _)| at).find(|at| is_joint(*at));
    let (first, second) = joint.map_or((value, ""), |at| {
        let (first, second) = value.split_at_checked(at).unwrap_or_default();
        (first, second.get(1..).unwrap_or_default())
    });
    for word in [first, second].into_iter().flat_map(|part| part.split([' ', '\u{A0}', '\u{202F}'])) {
        let word = word.trim_end_matches(',');
        match word {
            "" => {}
            "AM" | "PM" | "am" | "pm" | "a.m." | "p.m." if times == 1 => {}
            "UTC" | "GMT" | "Z" if times == 1 => {}
            _ if is_day(word) => dates += 1,
            _ if is_time(word) => times += 1,
            _ => return false,
        }
    }
    dates <= 1 && times <= 1 && dates + times > 0
}

/// `2026-12-24`, `24.12.2026`, `24.12.`, `12/24`.
fn is_day(word: &str) -> bool {
    let Some(separator) = word.chars().find(|character| "-/.".contains(*character)) else { return false };
    let word = if separator == '.' { word.strip_suffix('.').unwrap_or(word) } else { word };
    let fields: Vec<&str> = word.split(separator).collect();
    let is_field = |field: &&str| {
        let number =
            field.bytes().all(|byte| byte.is_ascii_digit()).then(|| field.parse::<u16>().ok()).flatten();
        number.is_some_and(|number| match field.len() {
            1 | 2 => (1..=31).contains(&number) || (field.len() == 2 && fields.len() == 3),
            4 => (1900..=2999).contains(&number),
            _ => false,
        })
    };
    (2..=3).contains(&fields.len())
        && fields.iter().all(is_field)
        && fields.iter().filter(|field| field.len() == 4).count() <= 1
}

/// `18:30`, `18:30:00.5`, `6:30pm`, `18:30Z`, `18:30+01:00`.
fn is_time(word: &str) -> bool {
    let stripped = ["AM", "PM", "am", "pm", "Z"].iter().find_map(|suffix| word.strip_suffix(suffix));
    let word = stripped.unwrap_or(word);
    let (clock, offset) = match word.rfind(['+', '-', '−']) {
        Some(at) => {
            let (clock, offset) = word.split_at_checked(at).unwrap_or_default();
            (clock, Some(offset.trim_start_matches(['+', '-', '−'])))
        }
        None => (word, None),
    };
    let is_clock = |clock: &str, seconds: bool| {
        let fields: Vec<&str> = clock.split(':').collect();
        let two = |field: &str, most: u8| {
            field.len() == 2
                && field.bytes().all(|byte| byte.is_ascii_digit())
                && field.parse::<u8>().is_ok_and(|number| number <= most)
        };
        let hour = |field: &str| {
            two(field, 24) || (field.len() == 1 && field.bytes().all(|byte| byte.is_ascii_digit()))
        };
        match fields.as_slice() {
            [hours, minutes] => hour(hours) && two(minutes, 59),
            [hours, minutes, rest] if seconds => {
                let (whole, fraction) = rest.split_once('.').unwrap_or((rest, "0"));
                let digits =
                    (1..=9).contains(&fraction.len()) && fraction.bytes().all(|byte| byte.is_ascii_digit());
                hour(hours) && two(minutes, 59) && two(whole, 60) && digits
            }
            _ => false,
        }
    };
    is_clock(clock, true) && offset.is_none_or(|offset| is_clock(offset, false))
}

/// `https`, a host that is one of `hosts` or below one, no user, no port but 443, and no character that a
/// browser or a mail program reads differently.
fn is_url(value: &str, hosts: &[String]) -> bool {
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}'".contains(&byte);
    if value.len() > MAX_URL_BYTES || !value.bytes().all(plain) {
        return false;
    }
    let Some(rest) =
        value.get(..8).filter(|scheme| scheme.eq_ignore_ascii_case("https://")).and(value.get(8..))
    else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.strip_suffix(":443").unwrap_or(authority);
    is_domain(host) && hosts.iter().any(|allowed| is_below(host, allowed))
}

/// Whether a host is another one, or below it.
fn is_below(host: &str, allowed: &str) -> bool {
    let Some(at) = host.len().checked_sub(allowed.len()) else { return false };
    let (before, end) = host.split_at_checked(at).unwrap_or((host, ""));
    end.eq_ignore_ascii_case(allowed) && (before.is_empty() || before.ends_with('.'))
}

#[cfg(test)]
mod tests;
