use http::Method;
use serde_json::{Value, json};
use time::Duration;

use crate::bench::{Bench, ROLE, job, text, with};

#[tokio::test]
async fn a_job_classifies_every_line_of_every_file() -> Result<(), String> {
    let (bench, model) = Bench::trained().await?;
    bench.put("in/a.txt", "a jackpot at poker night\r\nwine tasting\n").await;
    bench.put("in/b.txt", "your dentist visit").await;
    bench.put("inner.txt", "not below the prefix").await;
    bench.set(json!({ "jobSubmittedSeconds": 60, "jobSeconds": 600 })).await;
    let receipt =
        bench.ok("StartDocumentClassificationJob", with(job(&model), &json!({ "JobName": "a job" }))).await;
    let id = text(&receipt, "/JobId");
    assert_eq!((id.len(), &receipt["JobStatus"]), (32, &json!("SUBMITTED")), "{receipt}");
    bench.clock.advance(Duration::seconds(60));
    bench.job(&id, "IN_PROGRESS").await?;
    assert_eq!(bench.buckets.keys(), Vec::<String>::new());
    bench.clock.advance(Duration::seconds(600));
    let output = bench.output(&id).await?;
    let found: Vec<_> = output
        .iter()
        .map(|line| (text(line, "/File"), text(line, "/Line"), text(line, "/Classes/0/Name")))
        .collect();
    let line = |file: &str, line: &str, class: &str| (file.to_owned(), line.to_owned(), class.to_owned());
    assert_eq!(
        found,
        [line("a.txt", "0", "gambling"), line("a.txt", "1", "alcohol"), line("b.txt", "0", "compliant")]
    );
    let described = bench.job(&id, "COMPLETED").await?;
    let key = format!("out/111122223333-CLN-{id}/output/output.tar.gz");
    assert_eq!(described["OutputDataConfig"]["S3Uri"], json!(format!("s3://data/{key}")));
    assert_eq!((&described["JobName"], &described["DataAccessRoleArn"]), (&json!("a job"), &json!(ROLE)));
    assert_eq!(bench.buckets.keys(), ["out/.write_access_check_file.temp".to_owned(), key]);
    Ok(())
}

#[tokio::test]
async fn a_file_may_be_one_document() -> Result<(), String> {
    let (bench, model) = Bench::trained().await?;
    bench.put("in/a.txt", "wine\ntasting\n").await;
    let data = json!({ "S3Uri": "s3://data/in/a", "InputFormat": "ONE_DOC_PER_FILE" });
    bench.set(json!({ "topClasses": 1, "outputMember": "x.txt", "writeAccessCheck": false })).await;
    let id = bench.start(&model, json!({ "InputDataConfig": data })).await;
    let output = bench.output(&id).await?;
    assert_eq!(output.len(), 1);
    assert_eq!(output[0]["Classes"].as_array().map(Vec::len), Some(1), "{output:?}");
    assert!(output[0].get("Line").is_none(), "{output:?}");
    assert_eq!(bench.buckets.keys().len(), 1);
    let described = bench.job(&id, "COMPLETED").await?;
    let (name, _) = bench.unpacked(&text(&described, "/OutputDataConfig/S3Uri")).await?;
    assert_eq!(name, "x.txt");
    Ok(())
}

#[tokio::test]
async fn a_job_fails_with_a_reason() -> Result<(), String> {
    let (bench, model) = Bench::trained().await?;
    bench.put("in/a.txt", "one\ntwo\nthree\n").await;
    bench
        .plan(json!({ "nameContains": "planned", "times": 1, "error": "INTERNAL_SERVER_ERROR: try again" }))
        .await;
    let closed = json!({ "OutputDataConfig": { "S3Uri": "s3://closed/out" } });
    let absent = json!({ "InputDataConfig": { "S3Uri": "s3://data/absent" } });
    for (settings, more, reason) in [
        (json!({}), absent, "NO_READ_ACCESS_TO_INPUT"),
        (json!({}), closed.clone(), "NO_WRITE_ACCESS_TO_OUTPUT"),
        (json!({ "writeAccessCheck": false }), closed, "NO_WRITE_ACCESS_TO_OUTPUT"),
        (json!({}), json!({ "JobName": "planned" }), "INTERNAL_SERVER_ERROR"),
        (json!({ "maxJobDocuments": 2 }), json!({}), "more than 2 documents"),
        (json!({ "maxJobDocuments": 3, "maxJobBytes": 5 }), json!({}), "larger than 5 bytes"),
    ] {
        bench.set(settings).await;
        let id = bench.start(&model, more).await;
        let described = bench.job(&id, "FAILED").await?;
        assert!(text(&described, "/Message").contains(reason), "{described}");
    }
    Ok(())
}

#[tokio::test]
async fn requests_are_checked() -> Result<(), String> {
    let (bench, model) = Bench::trained().await?;
    let untrained =
        bench.create(json!({ "VersionName": "v2", "InputDataConfig": { "S3Uri": "s3://data/x" } })).await;
    bench.classifier(&untrained, "IN_ERROR").await?;
    let invalid = "InvalidRequestException";
    for (more, code) in [
        (json!({ "ClientRequestToken": "campaign/1" }), invalid),
        (json!({ "JobName": "a;b" }), invalid),
        (json!({ "JobName": "" }), invalid),
        (json!({ "DataAccessRoleArn": "role" }), invalid),
        (json!({ "DataAccessRoleArn": null }), invalid),
        (json!({ "InputDataConfig": {} }), invalid),
        (json!({ "InputDataConfig": { "S3Uri": "s3://data/x", "InputFormat": "CSV" } }), invalid),
        (json!({ "OutputDataConfig": { "S3Uri": "data" } }), invalid),
        (json!({ "DocumentClassifierArn": null }), invalid),
        (
            json!({ "FlywheelArn": "arn:aws:comprehend:us-east-1:111122223333:flywheel/x" }),
            "NotImplementedException",
        ),
        (json!({ "DocumentClassifierArn": format!("{model}x") }), "ResourceNotFoundException"),
        (json!({ "DocumentClassifierArn": untrained }), "ResourceUnavailableException"),
    ] {
        let body = with(job(&model), &more);
        assert_eq!(bench.refused("StartDocumentClassificationJob", body).await, code, "{more}");
    }
    for (id, code) in [("absent", "JobNotFoundException"), ("a;b", invalid), ("", invalid)] {
        let body = json!({ "JobId": id });
        assert_eq!(bench.refused("DescribeDocumentClassificationJob", body).await, code, "{id}");
    }
    Ok(())
}

#[tokio::test]
async fn a_token_starts_one_job() -> Result<(), String> {
    let (bench, model) = Bench::trained().await?;
    bench.put("in/a.txt", "wine tasting\n").await;
    let token = json!({ "ClientRequestToken": "campaign-1" });
    let id = bench.start(&model, token.clone()).await;
    assert_eq!(bench.start(&model, token.clone()).await, id);
    bench.job(&id, "COMPLETED").await?;
    let again = bench.ok("StartDocumentClassificationJob", with(job(&model), &token)).await;
    assert_eq!((&again["JobId"], &again["JobStatus"]), (&json!(id), &json!("COMPLETED")));
    let other = with(with(job(&model), &token), &json!({ "JobName": "other" }));
    let code = bench.refused("StartDocumentClassificationJob", other).await;
    assert_eq!(code, "ResourceInUseException");
    assert_ne!(bench.start(&model, json!({})).await, id);
    let (_, shown) = bench.control(Method::GET, "jobs", Value::Null).await;
    let jobs = shown["jobs"].as_array().cloned().unwrap_or_default();
    assert_eq!(jobs.len(), 2, "{shown}");
    assert_eq!(jobs[0]["ClientRequestToken"], "campaign-1");
    assert_eq!((&jobs[0]["Caller"], &jobs[0]["Documents"]), (&json!("campaign-screen"), &json!(1)));
    Ok(())
}

#[tokio::test]
async fn so_many_jobs_are_active_at_once() -> Result<(), String> {
    let (bench, model) = Bench::trained().await?;
    bench.put("in/a.txt", "wine tasting\n").await;
    bench.plan(json!({ "nameContains": "endless", "seconds": 1_000_000_000 })).await;
    let endless = json!({ "JobName": "endless" });
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(bench.start(&model, endless.clone()).await);
    }
    let code = bench.refused("StartDocumentClassificationJob", job(&model)).await;
    assert_eq!(code, "TooManyRequestsException");
    bench.set(json!({ "jobLimitError": "ResourceLimitExceededException" })).await;
    let code = bench.refused("StartDocumentClassificationJob", job(&model)).await;
    assert_eq!(code, "ResourceLimitExceededException");
    let code = bench.refused("DeleteDocumentClassifier", json!({ "DocumentClassifierArn": model })).await;
    assert_eq!(code, "ResourceInUseException");

    let (status, _) = bench.control(Method::POST, &format!("jobs/{}/stop", ids[0]), Value::Null).await;
    assert_eq!(status, 200);
    bench.job(&ids[0], "STOPPED").await?;
    let id = bench.start(&model, json!({})).await;
    bench.job(&id, "COMPLETED").await?;
    let filter = json!({ "Filter": { "JobStatus": "IN_PROGRESS" } });
    let listed = bench.ok("ListDocumentClassificationJobs", filter).await;
    assert_eq!(listed["DocumentClassificationJobPropertiesList"].as_array().map(Vec::len), Some(9));
    let (status, _) = bench.control(Method::POST, "jobs/absent/stop", Value::Null).await;
    assert_eq!(status, 400);
    Ok(())
}

#[tokio::test]
async fn plans_decide_how_jobs_go() -> Result<(), String> {
    let (bench, model) = Bench::trained().await?;
    bench.put("in/a.txt", "wine tasting\nforbidden\nplace your bets\n").await;
    bench.set(json!({ "writeAccessCheck": false })).await;
    for plan in [
        json!({ "nameContains": "twice", "outputs": 2, "completedSecondsLater": 600 }),
        json!({ "nameContains": "never", "outputs": 0 }),
        json!({ "nameContains": "stopped", "stop": true }),
        json!({
            "nameContains": "gaps", "dropLines": { "numbers": [0] },
            "failLines": { "lines": { "contains": "forbidden" }, "code": "TEXT_ERROR", "message": "no" },
        }),
    ] {
        bench.plan(plan).await;
    }
    let start = |name: &str| bench.start(&model, json!({ "JobName": name }));
    let never = start("never").await;
    bench.job(&never, "COMPLETED").await?;
    let stopped = start("stopped").await;
    bench.job(&stopped, "STOPPED").await?;
    assert_eq!(bench.buckets.keys(), Vec::<String>::new());

    let output = bench.output(&start("gaps").await).await?;
    assert_eq!(output.len(), 2, "{output:?}");
    assert_eq!(
        output[0],
        json!({ "File": "a.txt", "Line": "1", "ErrorCode": "TEXT_ERROR", "ErrorMessage": "no" })
    );
    assert_eq!(output[1]["Line"], "2");

    let twice = start("twice").await;
    eventide_testing::eventually("two outputs", crate::bench::WAIT, || async {
        (bench.buckets.keys().len() == 3).then_some(())
    })
    .await?;
    bench.job(&twice, "IN_PROGRESS").await?;
    bench.clock.advance(Duration::seconds(600));
    bench.job(&twice, "COMPLETED").await?;
    Ok(())
}

#[tokio::test]
async fn many_lines_are_classified() -> Result<(), String> {
    let (bench, model) = Bench::trained().await?;
    let lines: String = (0..20_000).map(|n| format!("Offer {n}: wine tasting and poker night\n")).collect();
    bench.put("in/many.txt", &lines).await;
    let id = bench.start(&model, json!({})).await;
    let output = bench.output(&id).await?;
    assert_eq!(output.len(), 20_000);
    assert!(output.iter().zip(0..).all(|(line, n)| text(line, "/Line") == n.to_string()));
    Ok(())
}
