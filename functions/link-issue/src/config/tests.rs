use super::*;

const REQUIRED: [(&str, &str); 6] = [
    ("LINK_TABLE", "links"),
    ("LINK_ORIGIN", "https://d111111abcdef8.cloudfront.net"),
    ("SIGNING_KEYS_SECRET_ARN", "arn:aws:secretsmanager:us-east-1:111122223333:secret:signing"),
    ("SIGNING_KEY_IDS", "a=K2JCJMDEHXQW5F,b="),
    ("TOKEN_SECRET_ARN", "arn:aws:secretsmanager:us-east-1:111122223333:secret:token"),
    ("BRAND", "Grüße & Co."),
];

fn with(given: &[(&str, &str)]) -> Result<Settings, String> {
    let pairs = REQUIRED.iter().chain(given).copied();
    Vars::from_pairs(pairs).load::<Config>().map(|config| config.settings).map_err(|error| error.to_string())
}

#[test]
fn the_rest_has_defaults() {
    let settings = with(&[]).unwrap();
    assert_eq!(settings.key_ids, BTreeMap::from([("a".to_owned(), "K2JCJMDEHXQW5F".to_owned())]));
    assert_eq!((settings.policy, settings.consent), (PolicyKind::Canned, ConsentRule::Required));
    assert_eq!((settings.life, settings.retention), (SignedDuration::minutes(15), SignedDuration::DAY));
    assert_eq!((settings.links_per_contact, settings.links_per_recipient), (3, 3));
    assert_eq!(settings.provider_time, Duration::from_secs(3));
    assert_eq!((settings.name_attribute.as_str(), settings.default_language), ("customerName", Language::En));
    assert!(settings.attributes.is_empty() && settings.email.is_none() && settings.sms.is_none());
    assert_eq!(settings.kept_for(), SignedDuration::minutes(15 + 1_440));
}

#[test]
fn everything_can_be_set() {
    let settings = with(&[
        ("LINK_ORIGIN", "http://127.0.0.1:4567"),
        ("SIGNING_KEY_IDS", "a=K1, b=K2"),
        ("POLICY", "custom"),
        ("PROVIDER_SECONDS", "0.2"),
        ("CONSENT", "given"),
        ("ATTRIBUTES", "tier, order-id,case_id"),
        ("DEFAULT_LANGUAGE", "de"),
        ("BRAND", " {braced} "),
        ("EMAIL_FROM", "Chat <chat@example.com>"),
        ("REPLY_TO", "office@example.com"),
        ("SMS_ORIGINATION", "pool-1"),
        ("SMS_MAX_PRICE", ".05"),
    ])
    .unwrap();
    assert_eq!(settings.key_ids.len(), 2);
    assert_eq!(settings.provider_time, Duration::from_millis(200));
    assert_eq!(settings.attributes.iter().collect::<Vec<_>>(), ["case_id", "order-id", "tier"]);
    assert_eq!((settings.brand.as_str(), settings.default_language), ("{braced}", Language::De));
    assert_eq!(settings.email.unwrap().reply_to.as_deref(), Some("office@example.com"));
    assert_eq!(settings.sms.unwrap().max_price.as_deref(), Some(".05"));
}

#[test]
fn every_bad_variable_is_named() {
    let bad = [
        ("POLICY", "rsa"),
        ("LINK_MINUTES", "0"),
        ("RETENTION_DAYS", "31"),
        ("LINKS_PER_CONTACT", "0"),
        ("LINKS_PER_RECIPIENT", "x"),
        ("PROVIDER_SECONDS", "NaN"),
        ("CONSENT", "yes"),
        ("ATTRIBUTES", "tier,,x"),
        ("DEFAULT_LANGUAGE", "fr"),
        ("SMS_MAX_PRICE", "5"),
    ];
    let error = Vars::from_pairs(bad).load::<Config>().unwrap_err().to_string();
    for (name, _) in REQUIRED.into_iter().chain(bad) {
        assert!(error.contains(name), "{name}: {error}");
    }
}

#[test]
fn values_that_would_break_links_or_limits_are_refused() {
    let long = "B".repeat(41);
    let braces = "{".repeat(21);
    for (name, value) in [
        ("LINK_ORIGIN", "https://example.com/"),
        ("LINK_ORIGIN", "http://example.com"),
        ("LINK_ORIGIN", "https://"),
        ("LINK_ORIGIN", "https://example.com/chat"),
        ("SIGNING_KEY_IDS", "a=,b="),
        ("SIGNING_KEY_IDS", "K2JCJMDEHXQW5F"),
        ("SIGNING_KEY_IDS", "a=K1,a=K2"),
        ("SIGNING_KEY_IDS", "a=K1&x"),
        ("BRAND", "Ñandú"),
        ("BRAND", "Two\nlines"),
        ("BRAND", "   "),
        ("BRAND", long.as_str()),
        ("BRAND", braces.as_str()),
        ("PROVIDER_SECONDS", "6.1"),
        ("PROVIDER_SECONDS", "0.1"),
        ("RETENTION_DAYS", "0"),
        ("LINKS_PER_CONTACT", "101"),
        ("LINKS_PER_RECIPIENT", "101"),
    ] {
        let error = with(&[(name, value)]).unwrap_err();
        assert!(error.contains(name), "{name} {value}: {error}");
    }
}
