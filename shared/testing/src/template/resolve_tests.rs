use super::*;
use crate::template::parse;

const TEMPLATE: &str = "
Parameters:
  Stage: { Type: String, Default: dev }
  Days: { Type: Number, Default: 30 }
  Levels: { Type: CommaDelimitedList, Default: 'HIGH, MEDIUM' }
  Extra: { Type: String, Default: '' }
Mappings:
  Regions: { us-gov-west-1: { bucket: gov }, us-east-1: { bucket: std } }
Conditions:
  Dev: !Equals [!Ref Stage, dev]
  HasExtra: !Not [!Equals [!Ref Extra, '']]
  Both: !And [!Condition Dev, !Condition HasExtra]
  Either: !Or [!Condition Dev, !Condition HasExtra]
";

fn resolver(given: &[(&str, &str)]) -> Resolver {
    let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let scope =
        Scope { account: "111122223333".into(), region: "us-gov-west-1".into(), stack: "eventide".into() };
    let mut resolver = Resolver::new(&parse(TEMPLATE).unwrap(), &given, scope).unwrap();
    resolver.know("Queue", "https://queue", BTreeMap::from([("Arn".into(), "arn:queue".into())]));
    resolver
}

#[test]
fn evaluates_every_function() {
    let cases = [
        ("!Ref Stage", json!("dev")),
        ("!Ref Days", json!("30")),
        ("!Ref Levels", json!(["HIGH", "MEDIUM"])),
        ("!Ref Queue", json!("https://queue")),
        ("!GetAtt Queue.Arn", json!("arn:queue")),
        ("!Ref AWS::Partition", json!("aws-us-gov")),
        ("!Sub 'arn:${AWS::Partition}:x:${AWS::Region}:${AWS::AccountId}:${Queue.Arn}/${!Literal}'", {
            json!("arn:aws-us-gov:x:us-gov-west-1:111122223333:arn:queue/${Literal}")
        }),
        ("!Sub ['${a}-${Stage}', { a: !Ref Days }]", json!("30-dev")),
        ("!If [Dev, yes, no]", json!("yes")),
        ("{ a: !If [HasExtra, 1, !Ref AWS::NoValue], b: 2 }", json!({ "b": 2 })),
        ("[!If [HasExtra, 1, !Ref AWS::NoValue], 2]", json!([2])),
        ("!Join ['-', [a, !Ref Stage]]", json!("a-dev")),
        ("!Join ['+', !Ref Levels]", json!("HIGH+MEDIUM")),
        ("!Select [1, !Split ['.', 'a.b.c']]", json!("b")),
        ("!FindInMap [Regions, !Ref AWS::Region, bucket]", json!("gov")),
    ];
    let resolver = resolver(&[]);
    for (yaml, expected) in cases {
        assert_eq!(resolver.resolve(&parse(yaml).unwrap()).unwrap(), expected, "{yaml}");
    }
}

#[test]
fn conditions_follow_the_parameters() {
    let cases = [
        ("dev", "", [true, false, false, true]),
        ("dev", "x", [true, true, true, true]),
        ("prod", "", [false, false, false, false]),
        ("prod", "x", [false, true, false, true]),
    ];
    for (stage, extra, expected) in cases {
        let resolver = resolver(&[("Stage", stage), ("Extra", extra)]);
        let actual = ["Dev", "HasExtra", "Both", "Either"].map(|name| resolver.condition(name).unwrap());
        assert_eq!(actual, expected, "{stage} {extra}");
    }
}

#[test]
fn what_cannot_be_known_is_an_error() {
    let resolver = resolver(&[]);
    for (yaml, message) in [
        ("!Ref Nobody", "neither a parameter nor a resource"),
        ("!GetAtt Queue.Url", "`Queue.Url` is not known here"),
        ("!Sub '${Nobody.Arn}'", "`Nobody.Arn` is not known here"),
        ("!ImportValue x", "not covered"),
        ("!If [Missing, 1, 2]", "no condition `Missing`"),
        ("!FindInMap [Regions, eu-west-1, bucket]", "no mapping `Regions.eu-west-1.bucket`"),
        ("!Select [3, [a]]", "item `3`"),
    ] {
        let error = resolver.resolve(&parse(yaml).unwrap()).unwrap_err();
        assert!(error.contains(message), "{yaml}: {error}");
    }
    let scope = Scope { account: String::new(), region: String::new(), stack: String::new() };
    let given = BTreeMap::from([("Typo".to_owned(), String::new())]);
    let error = Resolver::new(&parse(TEMPLATE).unwrap(), &given, scope).unwrap_err();
    assert!(error.contains("`Typo`"), "{error}");
}
