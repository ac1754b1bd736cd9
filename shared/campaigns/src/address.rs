//! Where messages can go.

/// Whether `address` is an email address that Amazon SES takes; else what was expected.
///
/// Local part and domain are as in RFC 5321: no quoted local part, no address literal, 64 and 255 characters
/// at most, 254 together. SES wants other scripts in domains as Punycode, and takes none in local parts.
pub(crate) fn email(address: &str) -> Result<(), &'static str> {
    const EXPECTED: &str = "expected an email address, such as `name@example.com`";
    let (local, domain) = address.rsplit_once('@').ok_or(EXPECTED)?;
    if !domain.is_ascii() {
        return Err("expected an email address whose domain is in Punycode (`xn--…`)");
    }
    if !local.is_ascii() {
        return Err("expected an email address with nothing but ASCII before its `@`");
    }
    let is_atom = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    let dots = |text: &str| text.split('.').all(|part| !part.is_empty());
    let local_fits =
        local.len() <= 64 && local.bytes().all(|byte| is_atom(byte) || byte == b'.') && dots(local);
    let fits = local_fits && address.len() <= 254 && is_domain(domain);
    if fits { Ok(()) } else { Err(EXPECTED) }
}

/// Whether `domain` is a host's name of at least two labels, the last of which is no number.
pub(crate) fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let top = domain.rsplit_once('.').map_or("", |(_, top)| top);
    domain.len() <= 255
        && domain.split('.').all(is_label)
        && top.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// Whether `number` is a telephone number in E.164; else what was expected. Spaces and dashes are not taken
/// out: who writes them may have written a national number.
pub(crate) fn phone(number: &str) -> Result<(), &'static str> {
    let digits = number.strip_prefix('+').unwrap_or_default();
    let fits = (7..=15).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.starts_with('0');
    if fits { Ok(()) } else { Err("expected a telephone number in E.164, such as `+15555550100`") }
}
