//! Texts of which the starter classifier thinks always the same, and files made of them.

use std::fmt::Write as _;

/// Approved (0.97).
pub const SHOES: &str = "Hi {{first_name}}, our new running shoes are in store this weekend: soft, light and made to last. \
                         Answer with STOP whenever you like.";
/// Approved (1.0).
pub const LUNCH: &str =
    "Try our new dumplings, soup and fruit salad at lunch. Children eat for a dollar on Wednesday.";
/// Held (0.53).
pub const JACKETS: &str =
    "Hi {{first_name}}, our new spring jackets are here. See them in store this weekend.";
/// Held (0.71).
pub const LAMPS: &str = "Hi {{first_name}}, our new desk lamps are here. See them in store this weekend.";
/// Held (0.58).
pub const COATS: &str = "Our new spring jackets are here. See them in store this weekend.";
/// Rejected as firearms (0.99); the message that the post begins with.
pub const RANGE: &str =
    "Huge sale at Pine County Shooting Range 25% off for 6mm and 9mm bullets! Lazer add-ons on clearance too";
/// Rejected as gambling (1.0).
pub const CASINO: &str =
    "Double your money at the casino tonight: free spins and a jackpot for every new player";

/// A row: id, channel, recipient, and text; emails have the subject `News from us`.
pub type Row<'a> = (&'a str, &'a str, &'a str, &'a str);

/// A campaign file in CSV. Everybody is called Ann.
pub fn csv(rows: &[Row<'_>]) -> String {
    let mut file = String::from("id,channel,to,subject,text,var.first_name\n");
    for (id, channel, to, text) in rows {
        let subject = if *channel == "email" { "News from us" } else { "" };
        // Writing to a text does not fail.
        let _ = writeln!(file, "{id},{channel},{to},{subject},\"{text}\",Ann");
    }
    file
}

/// A campaign file of SMS and emails by turns, all of one text, to recipients of their own.
pub fn mixed(count: usize, text: &str) -> String {
    let to = |number: usize| {
        if number.is_multiple_of(2) {
            format!("+1415555{:04}", 100 + number)
        } else {
            format!("ann.{number}@example.com")
        }
    };
    let to: Vec<(String, String)> = (0..count).map(|number| (number.to_string(), to(number))).collect();
    let channel = |to: &str| if to.starts_with('+') { "sms" } else { "email" };
    let rows: Vec<Row<'_>> =
        to.iter().map(|(id, to)| (id.as_str(), channel(to), to.as_str(), text)).collect();
    csv(&rows)
}

/// A file as gzip packs it, though no smaller: RFC 1952 around one stored block of RFC 1951. At most 65,535
/// bytes.
///
/// # Errors
///
/// If the file is longer.
pub fn gzip(file: &[u8]) -> Result<Vec<u8>, String> {
    let length = u16::try_from(file.len()).map_err(|_| format!("{} bytes are too many", file.len()))?;
    let mut packed = vec![0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    packed.extend_from_slice(&length.to_le_bytes());
    packed.extend_from_slice(&(!length).to_le_bytes());
    packed.extend_from_slice(file);
    let crc = file.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1)))
    });
    packed.extend_from_slice(&(!crc).to_le_bytes());
    packed.extend_from_slice(&u32::from(length).to_le_bytes());
    Ok(packed)
}
