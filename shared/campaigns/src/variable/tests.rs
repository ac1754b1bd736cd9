use eventide_types::campaign::settings::Variable;

use super::check;

fn assert_all(variable: &Variable, good: &[&str], bad: &[&str]) {
    for value in good {
        assert_eq!(check(variable, value), Ok(()), "{value}");
    }
    for value in bad {
        assert!(check(variable, value).is_err(), "{value}");
    }
}

#[test]
fn names_are_names() {
    assert_all(
        &Variable::Name,
        &[
            "Ann",
            "O'Brien",
            "O’Brien",
            "Jean-Luc",
            "Anna Maria Huber",
            "J.R.R. Tolkien",
            "Dr. Müller",
            "St. John",
            "李小龙",
            "Владимир",
            "Παπαδόπουλος",
            "محمد",
            "प्रिया",
            "สมชาย",
            "Zoë",
            "Zoe\u{308}",
            "Winston",
            "Freeman",
            "Gunther",
            "Sexton",
            "Betty",
        ],
        &[
            "",
            " ",
            "Ann ",
            "Ann  Lee",
            "Win a free car today",
            "casino",
            "Casino Royale",
            "CASINO",
            "cásino",
            "MyCasinoClub",
            "Best-Casino",
            "bet",
            "Bet Now",
            "loan",
            "Loans",
            "Guns",
            "gun",
            "bit.ly",
            "t.co",
            "a.b.co",
            "Ann1",
            "Ann!",
            "Ann\nLee",
            "Ann@home",
            "http://x",
            "c.a.s.i.n.o",
            "g u n",
            "ca sino",
            "g-u-n",
            "сasino",
            "Аnn",
            "...",
            "-",
            "'",
            "Ann\u{200B}",
            "A🎰",
            "ａnn casino",
            "ｃａｓｉｎｏ",
            "Free",
            "Abcdefghijklmnopqrstuvwxyzabcdefghijklmnopq",
        ],
    );
}

#[test]
fn numbers_are_numbers() {
    assert_all(
        &Variable::Number,
        &[
            "1",
            "0.5",
            "1,299.00",
            "1.299,00",
            "1 299,00",
            "$5",
            "5 €",
            "EUR 20",
            "20kg",
            "12 %",
            "-3",
            "−3",
            "+7",
            "-$5",
            "$-5",
            "1'000",
            "5\u{A0}km",
        ],
        &[
            "",
            "five",
            "1 casino",
            "5 sex",
            "gun 5",
            "1..5",
            "1-2",
            "1/2",
            "x5y",
            "EUR 5 USD",
            "$",
            "1234567890123456",
            "1 2  3",
            "5 free",
            "1\n2",
            "5!",
            "https://1",
            "5abcd",
        ],
    );
}

#[test]
fn dates_are_dates() {
    assert_all(
        &Variable::Date,
        &[
            "2026-12-24",
            "24.12.2026",
            "24.12.",
            "12/24/2026",
            "12/24",
            "18:30",
            "6:30 pm",
            "6:30pm",
            "2026-12-24 18:30",
            "2026-12-24T18:30:00Z",
            "2026-12-24T18:30:00.5+01:00",
            "24.12.2026, 18:30",
            "18:30 UTC",
            "24/12/26",
        ],
        &[
            "",
            "tomorrow",
            "24",
            "2026",
            "24.12.2026 25.12.2026",
            "18:30 casino",
            "18:3",
            "18:61",
            "55/55",
            "2026-12-24TT",
            "24 December",
            "pm",
            "1.2.3.4",
            "T",
            "0/0",
            "12-24/2026",
        ],
    );
}

#[test]
fn addresses_are_of_allowed_hosts() {
    let hosts = vec!["example.com".to_owned(), "Shop.example.org".to_owned()];
    assert_all(
        &Variable::Url { hosts },
        &[
            "https://example.com",
            "https://example.com/",
            "https://www.example.com/a?b=c&d=%20#e",
            "HTTPS://EXAMPLE.COM/x",
            "https://shop.example.org?x",
            "https://example.com:443/",
            "https://a.b.example.com#x",
        ],
        &[
            "",
            "http://example.com",
            "example.com",
            "//example.com",
            "https://evil.com",
            "https://example.com.evil.com/",
            "https://evilexample.com",
            "https://user@example.com",
            "https://example.com@evil.com",
            "https://example.com:8443/",
            "https://example.com\\@evil.com",
            "https://evil.com/https://example.com",
            "https://example.com /",
            "https://example.com/\"onclick=",
            "https://exämple.com",
            "https://example.com./",
            "https://.example.com",
            "https:example.com",
            "https://evil.com#.example.com",
            "https://evil.com?.example.com",
            "https:///example.com",
            "javascript:alert(1)//https://example.com",
            "https://example.com/\nx",
            "https://exa\u{200B}mple.com",
        ],
    );
}
