use eventide_testing::template::{self, Scope};

use super::*;

const TEMPLATE: &str = "
Parameters:
  PublicKeyB: { Type: String, Default: '' }
Conditions:
  KeyB: !Not [!Equals [!Ref PublicKeyB, '']]
Resources:
  Bucket: { Type: AWS::S3::Bucket }
  Function:
    Type: AWS::Serverless::Function
    Properties:
      Environment: { Variables: { HOST: !GetAtt Distribution.DomainName, B: !If [KeyB, !Ref SlotB, none] } }
      Events:
        Redeem: { Type: HttpApi, Properties: { ApiId: !Ref Api, Method: POST, Path: /api/redeem } }
        Queue: { Type: SQS, Properties: { Queue: arn } }
  Api: { Type: AWS::Serverless::HttpApi }
  SlotB:
    Type: AWS::CloudFront::PublicKey
    Condition: KeyB
    Properties: { PublicKeyConfig: { EncodedKey: !Ref PublicKeyB } }
  Distribution:
    Type: AWS::CloudFront::Distribution
    Properties:
      Bucket: !GetAtt Bucket.RegionalDomainName
      Api: !Sub '${Api}.execute-api.${AWS::Region}.amazonaws.com'
      Header: !Sub ['{{resolve:secretsmanager:${Secret}}}-${Name}', { Name: !Ref Bucket }]
  Secret: { Type: AWS::SecretsManager::Secret }
";

fn take() -> (Value, Resolver, Taken) {
    let mut template = template::parse(TEMPLATE).unwrap();
    let scope = Scope { account: "1".into(), region: "us-east-1".into(), stack: "s".into() };
    let mut resolver = Resolver::new(&template, &BTreeMap::new(), scope).unwrap();
    let taken = Taken::out_of(&mut template, &mut resolver, "s", "us-east-1").unwrap();
    (template, resolver, taken)
}

#[test]
fn the_edge_is_taken_out_and_referred_to_by_value() {
    let (template, _, taken) = take();
    let left: Vec<_> = template["Resources"].as_object().unwrap().keys().collect();
    assert_eq!(left, ["Bucket", "Function", "Secret"]);
    let events = template["Resources"]["Function"]["Properties"]["Events"].as_object().unwrap();
    assert_eq!(events.keys().collect::<Vec<_>>(), ["Queue"]);
    let variables = &template["Resources"]["Function"]["Properties"]["Environment"]["Variables"];
    assert!(variables["HOST"].as_str().unwrap().ends_with(".cloudfront.net"), "{variables}");
    assert_eq!(variables["B"], json!({ "Fn::If": ["KeyB", { "Ref": "AWS::NoValue" }, "none"] }));
    assert_eq!(taken.lines().len(), 2, "{:?}", taken.lines());
}

#[test]
fn what_it_refers_to_is_asked_of_the_stack() {
    let (mut template, mut resolver, mut taken) = take();
    taken.add_probes(&mut template);
    let outputs = template["Outputs"].as_object().unwrap();
    let mut answered = BTreeMap::from([("Own".to_owned(), "kept".to_owned())]);
    for (name, output) in outputs {
        let value = &output["Value"];
        let resource = value.get("Ref").map_or_else(|| value["Fn::GetAtt"][1].as_str(), Value::as_str);
        answered.insert(name.clone(), format!("<{}>", resource.unwrap()));
    }
    assert_eq!(answered.len(), 1 + 4, "{answered:?}");
    taken.read_probes(&mut answered, &mut resolver);
    assert_eq!(answered.into_keys().collect::<Vec<_>>(), ["Own"]);
    let resources = taken.resolve(&resolver).unwrap();
    let of = |kind: Kind| resources.iter().find(|resource| resource.kind == kind).unwrap();
    let (api, distribution) = (of(Kind::HttpApi), &of(Kind::Distribution).properties);
    assert_eq!(api.events.len(), 1);
    assert_eq!(api.events[0].function, "<Function>");
    assert_eq!(api.events[0].properties, json!({ "Method": "POST", "Path": "/api/redeem" }));
    assert_eq!(distribution["Bucket"], "<RegionalDomainName>");
    assert_eq!(distribution["Api"], format!("{}.execute-api.us-east-1.amazonaws.com", api.reference));
    assert_eq!(distribution["Header"], "{{resolve:secretsmanager:<Secret>}}-<Bucket>");
}

#[test]
fn a_route_names_its_api() {
    for (from, to, expected) in [
        ("ApiId: !Ref Api, ", "", "expected an `ApiId`"),
        ("ApiId: !Ref Api, ", "ApiId: !Ref Bucket, ", "no HTTP API `Bucket`"),
    ] {
        let mut template = template::parse(&TEMPLATE.replace(from, to)).unwrap();
        let scope = Scope { account: "1".into(), region: "us-east-1".into(), stack: "s".into() };
        let mut resolver = Resolver::new(&template, &BTreeMap::new(), scope).unwrap();
        let error = Taken::out_of(&mut template, &mut resolver, "s", "us-east-1").unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}
