//! The ARNs that Detective takes: of graphs, and of the IAM users and roles it investigates.

/// The partition that a Region lies in.
pub(super) fn partition(region: &str) -> &'static str {
    if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else if region.starts_with("cn-") {
        "aws-cn"
    } else {
        "aws"
    }
}

/// Whether a text is a graph ARN by the model's pattern,
/// `^arn:aws[-\w]{0,10}?:detective:[-\w]{2,20}?:\d{12}?:graph:[abcdef\d]{32}?$`.
pub(super) fn is_graph(arn: &str) -> bool {
    let parts: Vec<&str> = arn.split(':').collect();
    let &["arn", partition, "detective", region, account, "graph", id] = parts.as_slice() else {
        return false;
    };
    is_partition(partition)
        && (2..=20).contains(&region.len())
        && region.bytes().all(is_word_or_dash)
        && is_account(account)
        && id.len() == 32
        && id.bytes().all(|byte| matches!(byte, b'a'..=b'f' | b'0'..=b'9'))
}

/// The `EntityType` of the ARN of an IAM role or user in any partition; nothing for everything else, such as
/// a root, a role session or an instance profile.
pub(super) fn entity_type(arn: &str) -> Option<&'static str> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let &["arn", partition, "iam", "", account, resource] = parts.as_slice() else {
        return None;
    };
    if !is_partition(partition) || !is_account(account) {
        return None;
    }
    let (entity_type, name) = match resource.split_once('/')? {
        ("role", name) => ("IAM_ROLE", name),
        ("user", name) => ("IAM_USER", name),
        _ => return None,
    };
    let named =
        name.split('/').all(|part| !part.is_empty()) && name.bytes().all(|byte| byte.is_ascii_graphic());
    named.then_some(entity_type)
}

fn is_partition(text: &str) -> bool {
    text.strip_prefix("aws").is_some_and(|rest| rest.len() <= 10 && rest.bytes().all(is_word_or_dash))
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_word_or_dash(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graph_arns_follow_the_models_pattern() {
        let id = "0123456789abcdef0123456789abcdef";
        for (arn, expected) in [
            (format!("arn:aws:detective:us-east-1:111122223333:graph:{id}"), true),
            (format!("arn:aws-us-gov:detective:us-gov-west-1:111122223333:graph:{id}"), true),
            (format!("arn:aws:detective:us-east-1:111122223333:graph:{id}0"), false),
            (format!("arn:aws:detective:us-east-1:111122223333:graph:{}", id.to_uppercase()), false),
            (format!("arn:aws:detective:us-east-1:1111:graph:{id}"), false),
            (format!("arn:aws:detective:us-east-1:111122223333:graph:{id}:x"), false),
            (format!("arn:aws:guardduty:us-east-1:111122223333:graph:{id}"), false),
            ("graph".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(is_graph(&arn), expected, "{arn}");
        }
    }

    #[test]
    fn only_roles_and_users_are_entities() {
        for (arn, expected) in [
            ("arn:aws:iam::111122223333:role/Payments", Some("IAM_ROLE")),
            ("arn:aws:iam::111122223333:role/service/team-a/Payments", Some("IAM_ROLE")),
            ("arn:aws-us-gov:iam::111122223333:role/Payments", Some("IAM_ROLE")),
            ("arn:aws-cn:iam::111122223333:user/build", Some("IAM_USER")),
            ("arn:aws:iam::111122223333:user/people/ana@example.com", Some("IAM_USER")),
            ("arn:aws:iam::111122223333:root", None),
            ("arn:aws:sts::111122223333:assumed-role/Payments/session", None),
            ("arn:aws:sts::111122223333:federated-user/ana", None),
            ("arn:aws:iam::111122223333:instance-profile/Payments", None),
            ("arn:aws:iam::111122223333:role/", None),
            ("arn:aws:iam::111122223333:role/a//b", None),
            ("arn:aws:iam::111122223333:role/a b", None),
            ("arn:aws:iam::1111:role/Payments", None),
            ("arn:aws:iam:us-east-1:111122223333:role/Payments", None),
            ("AWS::IAM::AccessKey:ASIAEXAMPLE", None),
        ] {
            assert_eq!(entity_type(arn), expected, "{arn}");
        }
    }

    #[test]
    fn a_region_lies_in_its_partition() {
        for (region, expected) in [
            ("us-east-1", "aws"),
            ("us-gov-west-1", "aws-us-gov"),
            ("cn-north-1", "aws-cn"),
            ("eu-west-1", "aws"),
        ] {
            assert_eq!(partition(region), expected, "{region}");
        }
    }
}
