"""Calls every operation of the Comprehend stand-in with boto3 and checks its raw answers.

    python comprehend_conformance.py ENDPOINT
"""

import csv
import io
import json
import sys
import tarfile
import time
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from shape_check import ShapeChecker, self_test

ENDPOINT = sys.argv[1]
ROLE = "arn:aws:iam::111122223333:role/eventide/comprehend"

COVERED = {
    "CreateDocumentClassifier", "DescribeDocumentClassifier", "ListDocumentClassifiers", "DeleteDocumentClassifier",
    "StopTrainingDocumentClassifier", "CreateEndpoint", "DescribeEndpoint", "UpdateEndpoint", "DeleteEndpoint",
    "ListEndpoints", "ClassifyDocument", "StartDocumentClassificationJob", "DescribeDocumentClassificationJob",
    "ListDocumentClassificationJobs",
}

PHRASES = {
    "gambling": ["spin the roulette wheel", "place your bets", "poker night", "free slots", "jackpot"],
    "alcohol": ["craft beer festival", "wine tasting", "whisky sale", "cocktail hour", "cheap vodka"],
    "compliant": ["your order shipped", "library card", "dentist visit", "school fair", "yoga class"],
}

# The service model has no error for an endpoint that is asked too much.
checker = ShapeChecker(unmodelled_errors=["ThrottlingException"])


def client(service="comprehend", region="us-east-1"):
    made = boto3.client(
        service, region_name=region, endpoint_url=ENDPOINT, config=Config(retries={"max_attempts": 0}),
        aws_access_key_id="111122223333", aws_secret_access_key="secret")
    return checker.attach(made) if service == "comprehend" else made


def control(path, body=None, method="POST"):
    request = urllib.request.Request(
        f"{ENDPOINT}/_local/{path}", method=method, data=json.dumps(body or {}).encode(),
        headers={"content-type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        found = error.response["Error"]
        assert found["Code"] == code, f"expected {code}: {found}"
        return
    raise AssertionError(f"expected {code}, but {arguments} was accepted")


def reached(describe, path, wanted):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        (described,) = [value for name, value in describe().items() if name != "ResponseMetadata"]
        if described[path] == wanted:
            return described
        time.sleep(0.02)
    raise AssertionError(f"not {wanted}: {described}")


def rows(labels):
    """CSV rows: sixty of each class, and of each pair of classes if `labels`."""
    text = io.StringIO()
    writer = csv.writer(text)
    for number in range(60):
        for label, phrases in PHRASES.items():
            writer.writerow([label, f"Dear member {number}, {phrases[number % 5]} and {phrases[number // 5 % 5]}"])
        if labels:
            one, other = PHRASES["gambling"], PHRASES["alcohol"]
            writer.writerow(["gambling|alcohol", f"Member {number}: {one[number % 5]}, {other[number // 5 % 5]}"])
    return text.getvalue()


def check_the_checker(comprehend):
    model = comprehend.meta.service_model.operation_model("DescribeDocumentClassificationJob")
    good = {"DocumentClassificationJobProperties": {"JobId": "a" * 32, "JobStatus": "COMPLETED", "SubmitTime": 1.5}}
    inner = good["DocumentClassificationJobProperties"]
    self_test(model, good, [
        {"DocumentClassificationJobProperties": {**inner, **fault}}
        for fault in ({"JobId": "a" * 33}, {"JobStatus": "DONE"}, {"SubmitTime": "now"}, {"Unknown": 1})
    ])


def unpacked(s3, uri):
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as archive:
        (member,) = archive.getmembers()
        return member.name, archive.extractfile(member).read().decode()


def train(comprehend, version, key, **more):
    arn = comprehend.create_document_classifier(
        DocumentClassifierName="screen", VersionName=version, LanguageCode="en", DataAccessRoleArn=ROLE,
        InputDataConfig={"S3Uri": f"s3://data/{key}"}, **more)["DocumentClassifierArn"]
    described = reached(lambda: comprehend.describe_document_classifier(DocumentClassifierArn=arn), "Status", "TRAINED")
    return arn, described


def classifiers(comprehend, s3):
    s3.put_object(Bucket="data", Key="train.csv", Body=rows(False).encode())
    s3.put_object(Bucket="data", Key="labels.csv", Body=rows(True).encode())
    s3.put_object(Bucket="data", Key="few.csv", Body="\n".join(rows(False).splitlines()[:30]).encode())
    classes, described = train(
        comprehend, "v1", "train.csv", OutputDataConfig={"S3Uri": "s3://data/models/"}, ClientRequestToken="one",
        Mode="MULTI_CLASS")
    metrics = described["ClassifierMetadata"]["EvaluationMetrics"]
    assert metrics["Accuracy"] > 0.9 and metrics["HammingLoss"] < 0.1 and len(metrics) == 8, metrics
    name, matrix = unpacked(s3, described["OutputDataConfig"]["S3Uri"])
    matrix = json.loads(matrix)
    assert name == "output/confusion_matrix.json" and matrix["type"] == "multi_class", (name, matrix)
    assert sum(map(sum, matrix["confusion_matrix"])) == described["ClassifierMetadata"]["NumberOfTestDocuments"]
    labels, described = train(comprehend, "v2", "labels.csv", Mode="MULTI_LABEL")
    assert described["Mode"] == "MULTI_LABEL" and described["VersionName"] == "v2", described

    few = comprehend.create_document_classifier(
        DocumentClassifierName="few", LanguageCode="en", DataAccessRoleArn=ROLE,
        InputDataConfig={"S3Uri": "s3://data/few.csv"})["DocumentClassifierArn"]
    failed = reached(lambda: comprehend.describe_document_classifier(DocumentClassifierArn=few), "Status", "IN_ERROR")
    assert "at least 50" in failed["Message"], failed
    comprehend.delete_document_classifier(DocumentClassifierArn=few)
    refused("ResourceNotFoundException", comprehend.describe_document_classifier, DocumentClassifierArn=few)

    control("comprehend/settings", {"trainingSeconds": 600})
    slow = comprehend.create_document_classifier(
        DocumentClassifierName="slow", LanguageCode="en", DataAccessRoleArn=ROLE,
        InputDataConfig={"S3Uri": "s3://data/train.csv"})["DocumentClassifierArn"]
    comprehend.stop_training_document_classifier(DocumentClassifierArn=slow)
    reached(lambda: comprehend.describe_document_classifier(DocumentClassifierArn=slow), "Status", "STOPPED")
    control("comprehend/settings", {"trainingSeconds": 0})

    pages = list(comprehend.get_paginator("list_document_classifiers").paginate(PaginationConfig={"PageSize": 1}))
    names = [found["DocumentClassifierArn"] for page in pages for found in page["DocumentClassifierPropertiesList"]]
    assert names == [slow, labels, classes], names
    (trained,) = comprehend.list_document_classifiers(
        Filter={"DocumentClassifierName": "slow"})["DocumentClassifierPropertiesList"]
    assert trained["Status"] == "STOPPED", trained
    refused("InvalidFilterException", comprehend.list_document_classifiers,
            Filter={"DocumentClassifierName": "slow", "Status": "TRAINED"})
    refused("UnsupportedLanguageException", comprehend.create_document_classifier, DocumentClassifierName="x",
            LanguageCode="ja", DataAccessRoleArn=ROLE, InputDataConfig={"S3Uri": "s3://data/train.csv"})
    refused("ResourceInUseException", comprehend.create_document_classifier, DocumentClassifierName="slow",
            LanguageCode="en", DataAccessRoleArn=ROLE, InputDataConfig={"S3Uri": "s3://data/train.csv"})
    assert client(region="eu-west-1").list_document_classifiers()["DocumentClassifierPropertiesList"] == []
    return classes, labels


def endpoints(comprehend, classes, labels):
    control("comprehend/settings", {"endpointSeconds": 600})
    arn = comprehend.create_endpoint(
        EndpointName="screen", ModelArn=classes, DesiredInferenceUnits=2, DataAccessRoleArn=ROLE)["EndpointArn"]
    refused("ResourceUnavailableException", comprehend.classify_document, EndpointArn=arn, Text="jackpot")
    refused("ResourceInUseException", comprehend.create_endpoint, EndpointName="screen", ModelArn=classes,
            DesiredInferenceUnits=2)
    refused("ResourceLimitExceededException", comprehend.create_endpoint, EndpointName="large", ModelArn=classes,
            DesiredInferenceUnits=11)
    control("clock", {"advance_seconds": 600})
    described = comprehend.describe_endpoint(EndpointArn=arn)["EndpointProperties"]
    assert (described["Status"], described["CurrentInferenceUnits"]) == ("IN_SERVICE", 2), described

    answer = comprehend.classify_document(EndpointArn=arn, Text="Place your bets: a jackpot every night")
    names = [found["Name"] for found in answer["Classes"]]
    assert names[0] == "gambling" and sorted(names) == sorted(PHRASES), answer
    assert abs(sum(found["Score"] for found in answer["Classes"]) - 1) < 1e-5, answer
    refused("TextSizeLimitExceededException", comprehend.classify_document, EndpointArn=arn, Text="x" * 10001)
    comprehend.classify_document(EndpointArn=arn, Text="x" * 9000)
    refused("ThrottlingException", comprehend.classify_document, EndpointArn=arn, Text="jackpot")
    control("clock", {"advance_seconds": 60})

    comprehend.update_endpoint(EndpointArn=arn, DesiredModelArn=labels, DesiredInferenceUnits=10)
    (updating,) = comprehend.list_endpoints(Filter={"Status": "UPDATING"})["EndpointPropertiesList"]
    assert updating["ModelArn"] == classes and updating["DesiredModelArn"] == labels, updating
    control("clock", {"advance_seconds": 600})
    answer = comprehend.classify_document(EndpointArn=arn, Text="Cheap vodka, then place your bets")
    likely = {found["Name"] for found in answer["Labels"] if found["Score"] > 0.5}
    assert likely == {"gambling", "alcohol"}, answer
    refused("ResourceInUseException", comprehend.delete_document_classifier, DocumentClassifierArn=labels)
    comprehend.delete_endpoint(EndpointArn=arn)
    refused("ResourceNotFoundException", comprehend.describe_endpoint, EndpointArn=arn)


def jobs(comprehend, s3, classes):
    s3.put_object(Bucket="data", Key="in/a.txt", Body="wine tasting\r\nplace your bets\n".encode())
    s3.put_object(Bucket="data", Key="in/b.txt", Body="your dentist visit".encode())

    def start(**more):
        return comprehend.start_document_classification_job(**{
            "DocumentClassifierArn": classes, "DataAccessRoleArn": ROLE,
            "InputDataConfig": {"S3Uri": "s3://data/in/", "InputFormat": "ONE_DOC_PER_LINE"},
            "OutputDataConfig": {"S3Uri": "s3://data/out/"}, **more})

    def ended(job, status):
        return reached(lambda: comprehend.describe_document_classification_job(JobId=job), "JobStatus", status)

    started = start(JobName="first", ClientRequestToken="first")
    assert start(JobName="first", ClientRequestToken="first")["JobId"] == started["JobId"]
    described = ended(started["JobId"], "COMPLETED")
    name, text = unpacked(s3, described["OutputDataConfig"]["S3Uri"])
    assert name == "predictions.jsonl", name
    lines = [json.loads(line) for line in text.splitlines()]
    found = [(line["File"], line["Line"], line["Classes"][0]["Name"]) for line in lines]
    assert found == [("a.txt", "0", "alcohol"), ("a.txt", "1", "gambling"), ("b.txt", "0", "compliant")], found

    failed = ended(start(InputDataConfig={"S3Uri": "s3://data/absent"})["JobId"], "FAILED")
    assert failed["Message"].startswith("NO_READ_ACCESS_TO_INPUT"), failed
    control("comprehend/plans", {"nameContains": "endless", "seconds": 1e9})
    endless = start(JobName="endless")["JobId"]
    ended(endless, "IN_PROGRESS")
    control(f"comprehend/jobs/{endless}/stop")
    ended(endless, "STOPPED")
    control("comprehend/settings", {"maxActiveJobs": 0})
    refused("TooManyRequestsException", start)
    refused("InvalidRequestException", start, ClientRequestToken="campaign/1")
    refused("ResourceNotFoundException", start, DocumentClassifierArn=f"{classes}x")
    refused("JobNotFoundException", comprehend.describe_document_classification_job, JobId="absent")
    pages = list(comprehend.get_paginator("list_document_classification_jobs").paginate(
        PaginationConfig={"PageSize": 2}))
    assert [len(page["DocumentClassificationJobPropertiesList"]) for page in pages] == [2, 1], pages
    (named,) = comprehend.list_document_classification_jobs(
        Filter={"JobName": "first"})["DocumentClassificationJobPropertiesList"]
    assert named["JobId"] == started["JobId"], named


def main():
    comprehend, s3 = client(), client("s3")
    check_the_checker(comprehend)
    s3.create_bucket(Bucket="data")
    classes, labels = classifiers(comprehend, s3)
    endpoints(comprehend, classes, labels)
    jobs(comprehend, s3, classes)
    assert not checker.faults, "\n".join(checker.faults)
    assert checker.operations == COVERED, checker.operations ^ COVERED


main()
