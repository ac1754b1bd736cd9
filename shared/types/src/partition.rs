//! Partitions, ARNs and console addresses.

use std::fmt;

/// An ARN taken apart: `arn:partition:service:region:account:resource`.
///
/// Source: AWS General Reference, Amazon Resource Names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arn<'a> {
    /// `aws`, `aws-cn`, `aws-us-gov`, …
    pub partition: &'a str,
    /// `iam`, `sts`, …
    pub service: &'a str,
    /// Empty for global services.
    pub region: &'a str,
    /// Empty for what AWS owns.
    pub account: &'a str,
    /// Everything after the fifth colon.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Takes `text` apart; `None` if it is no ARN.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        if parts.next()? != "arn" {
            return None;
        }
        let arn = Self {
            partition: parts.next()?,
            service: parts.next()?,
            region: parts.next()?,
            account: parts.next()?,
            resource: parts.next()?,
        };
        (!arn.partition.is_empty() && !arn.service.is_empty() && !arn.resource.is_empty()).then_some(arn)
    }
}

impl fmt::Display for Arn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, service, region, account, resource } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

/// Whether `text` is an account id: 12 digits.
pub fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether `text` has the shape of a Region's name, such as `eu-central-1`.
pub fn is_region(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (9..=24).contains(&text.len()) && text.bytes().all(allowed) && text.split('-').count() >= 3
}

/// The partition that `region` belongs to.
///
/// Source: botocore's `partitions.json`.
pub fn of_region(region: &str) -> &'static str {
    const BY_PREFIX: [(&str, &str); 8] = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("eu-isoe-", "aws-iso-e"),
        ("us-isof-", "aws-iso-f"),
        ("eusc-", "aws-eusc"),
        ("", "aws"),
    ];
    BY_PREFIX.iter().find(|(prefix, _)| region.starts_with(prefix)).map_or("aws", |(_, partition)| partition)
}

/// The address of a Detective investigation's report in the console, where the partition's console address is
/// publicly known.
///
/// AWS documents no deep link to a report; this is the one that AWS's own post on the Detective API builds.
pub fn investigation_report(region: &str, investigation: &str) -> Option<String> {
    let console = match of_region(region) {
        "aws" => "console.aws.amazon.com",
        "aws-cn" => "console.amazonaws.cn",
        "aws-us-gov" => "console.amazonaws-us-gov.com",
        _ => return None,
    };
    Some(format!(
        "https://{region}.{console}/detective/home?region={region}#investigationReport/{investigation}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_an_arn_apart_and_puts_it_together() {
        let text = "arn:aws-us-gov:iam::111122223333:role/team/Reader";
        let arn = Arn::parse(text).unwrap();
        assert_eq!(
            (arn.partition, arn.account, arn.resource),
            ("aws-us-gov", "111122223333", "role/team/Reader")
        );
        assert_eq!(arn.to_string(), text);
        for not_an_arn in
            ["", "arn", "arn:aws:iam::1", "AWS::IAM::AccessKey:ASIAEXAMPLE", "arn:aws:iam::111122223333:"]
        {
            assert_eq!(Arn::parse(not_an_arn), None, "{not_an_arn}");
        }
    }

    #[test]
    fn knows_partitions_and_their_consoles() {
        for (region, partition, host) in [
            ("us-east-1", "aws", Some("us-east-1.console.aws.amazon.com")),
            ("us-gov-west-1", "aws-us-gov", Some("us-gov-west-1.console.amazonaws-us-gov.com")),
            ("cn-north-1", "aws-cn", Some("cn-north-1.console.amazonaws.cn")),
            ("us-isob-east-1", "aws-iso-b", None),
        ] {
            assert_eq!(of_region(region), partition);
            let link = investigation_report(region, "000000000000000000001");
            assert_eq!(link.is_some(), host.is_some(), "{region}");
            assert!(link.unwrap_or_default().contains(host.unwrap_or_default()));
        }
    }

    #[test]
    fn recognises_regions_and_accounts() {
        assert!(is_region("eu-central-1") && is_region("us-gov-west-1") && is_region("ap-southeast-5"));
        assert!(!is_region("global") && !is_region("us-east-1.evil.example") && !is_region("us east 1 "));
        assert!(
            is_account_id("111122223333") && !is_account_id("11112222333") && !is_account_id("1111222233a3")
        );
    }
}
