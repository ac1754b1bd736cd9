//! What the subcommands do.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use eventide_local::cloud::{Cloud, Options};
use eventide_local::deploy::Request;
use eventide_local::process;
use eventide_testing::Aws;
use http::Method;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::{Delete, Deploy, Up};

/// Written when the local cloud is ready, gone when it has ended: what health answers.
const RUNNING: &str = "local.json";
/// Where the parameters are that the local cloud deploys systems with, `SYSTEM.json` each.
const PARAMETERS: &str = "infra/local/parameters";
/// The classifier that the Comprehend stand-in trains with the messages that the repository ships.
const STARTER: &str =
    "arn:aws:comprehend:us-east-1:111122223333:document-classifier/eventide-compliance/version/starter";
/// The value of the parameter PublicKeyA that asks for the local cloud's own key pair.
const LOCAL: &str = "local";
const START_LIMIT: Duration = Duration::from_secs(180);
const STOP_LIMIT: Duration = Duration::from_secs(20);

pub(crate) async fn up(up: Up) -> Result<(), String> {
    refuse_second(&up.state.folder)?;
    let state = state_folder(&up.state.folder)?;
    let tools = up.tools.or_else(|| std::env::var_os("EVENTIDE_TOOLS").map(PathBuf::from));
    let options = Options {
        port: up.port,
        edge_port: up.edge_port.unwrap_or(if up.port == 0 { 0 } else { up.port.saturating_add(1) }),
        tools: tools.unwrap_or_else(|| ".tools".into()),
        state: state.clone(),
        journal_bodies: up.journal_bodies,
    };
    let mut stop = std::pin::pin!(stop_asked(up.exit_with_stdin)?);
    // Stopped while it starts, everything is dropped; MiniStack's watcher sees that and ends the rest.
    let (cloud, mut ministack) = tokio::select! {
        started = Cloud::start(&options) => started?,
        () = &mut stop => return Ok(()),
    };
    let ready = async {
        for system in &up.systems {
            let mut request = system_request(system, &up.code)?;
            prepare(&Aws::new(cloud.endpoint()).with_app_id("eventide-deployer"), &mut request.parameters)
                .await?;
            cloud.deployer.deploy(request).await?;
        }
        cloud.set_ready();
        let health = cloud.health();
        print_summary(&health);
        write_running(&state, &health)
    };
    let mut result = tokio::select! {
        result = ready => result,
        () = &mut stop => Ok(()),
    };
    if result.is_ok() {
        result = tokio::select! {
            error = ministack.ended() => Err(error),
            () = &mut stop => Ok(()),
        };
    }
    ministack.stop().await;
    let _ = std::fs::remove_file(state.join(RUNNING));
    result
}

/// Ends with the first of SIGTERM, SIGINT and, if asked for, the end of standard input.
fn stop_asked(with_stdin: bool) -> Result<impl Future<Output = ()>, String> {
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
    let (closed, stdin) = oneshot::channel();
    if with_stdin {
        // A thread and not tokio's stdin, whose blocking read would keep the runtime from ending.
        std::thread::spawn(move || {
            let mut buffer = [0; 64];
            while matches!(std::io::stdin().read(&mut buffer), Ok(read) if read > 0) {}
            let _ = closed.send(());
        });
    }
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = stdin, if with_stdin => {}
        }
    })
}

pub(crate) async fn up_detached(up: &Up) -> Result<(), String> {
    refuse_second(&up.state.folder)?;
    let state = state_folder(&up.state.folder)?;
    let log = state.join("output.log");
    let trouble = |error: std::io::Error| format!("`{}`: {error}", log.display());
    let output = std::fs::File::create(&log).map_err(trouble)?;
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let arguments = std::env::args_os().skip(1).filter(|argument| argument != "--detach");
    let mut child = std::process::Command::new(own);
    std::os::unix::process::CommandExt::process_group(&mut child, 0);
    let mut child = child
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(output.try_clone().map_err(trouble)?)
        .stdout(output)
        .spawn()
        .map_err(|error| error.to_string())?;
    let start = Instant::now();
    while !state.join(RUNNING).exists() {
        let ended: Option<ExitStatus> = child.try_wait().map_err(|error| error.to_string())?;
        if ended.is_some() || start.elapsed() > START_LIMIT {
            let printed = std::fs::read_to_string(&log).unwrap_or_default();
            return Err(format!("it did not start:\n{}", printed.trim_end()));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    print!("{}", std::fs::read_to_string(&log).map_err(trouble)?);
    Ok(())
}

pub(crate) async fn down(state: &Path) -> Result<(), String> {
    let Some(running) = running(state) else {
        println!("Not running.");
        return Ok(());
    };
    let pid = pid(&running);
    process::signal(pid, "TERM")?;
    let start = Instant::now();
    while process::is_alive(pid) {
        if start.elapsed() > STOP_LIMIT {
            return Err(format!("process {pid} does not end"));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("Ended.");
    Ok(())
}

pub(crate) async fn status(state: &Path) -> Result<(), String> {
    print_summary(&client(state)?.control(Method::GET, "health", None).await?);
    Ok(())
}

pub(crate) async fn deploy(deploy: Deploy) -> Result<(), String> {
    let aws = client(&deploy.state.folder)?;
    let mut parameters: BTreeMap<_, _> = deploy.parameters.into_iter().collect();
    give_keys(&aws, &mut parameters).await?;
    let request = json!({
        "template": absolute(&deploy.template)?,
        "stack": deploy.stack,
        "parameters": parameters,
        "code": absolute(&deploy.code)?,
    });
    print_stack(&aws.control(Method::POST, "deploy", Some(&request)).await?);
    Ok(())
}

pub(crate) async fn delete(delete: &Delete) -> Result<(), String> {
    let path = format!("stacks/{}", delete.stack);
    client(&delete.state.folder)?.control(Method::DELETE, &path, None).await?;
    println!("Deleted {}.", delete.stack);
    Ok(())
}

fn system_request(system: &str, code: &Path) -> Result<Request, String> {
    Ok(Request {
        template: format!("infra/{system}.yaml").into(),
        stack: format!("eventide-{system}"),
        parameters: system_parameters(Path::new(&format!("{PARAMETERS}/{system}.json")))?,
        code: code.to_owned(),
    })
}

/// The parameters in a file, which a system whose parameters all have defaults does not need.
fn system_parameters(file: &Path) -> Result<BTreeMap<String, String>, String> {
    let trouble = |error: &dyn std::fmt::Display| format!("`{}`: {error}", file.display());
    match std::fs::read(file) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| trouble(&error)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(trouble(&error)),
    }
}

/// Makes what a system's parameters name, and what an account has to have before the system is deployed.
async fn prepare(aws: &Aws, parameters: &mut BTreeMap<String, String>) -> Result<(), String> {
    if parameters.get("ClassifierArn").is_some_and(|arn| arn == STARTER) {
        aws.control(Method::POST, "comprehend/starter", Some(&json!({}))).await?;
    }
    for sender in ["SenderEmail", "EmailFrom"].iter().filter_map(|name| parameters.get(*name)) {
        let identity = json!({ "EmailIdentity": sender });
        let created = aws.rest("ses", Method::POST, "/v2/email/identities", Some(&identity)).await;
        created.map_err(|error| format!("identity of the sender: {error}"))?;
    }
    give_keys(aws, parameters).await
}

/// Gives the local cloud's key pair, which is made if there is none yet, to a system whose parameters ask for it, with
/// the addresses of the edge.
async fn give_keys(aws: &Aws, parameters: &mut BTreeMap<String, String>) -> Result<(), String> {
    if parameters.get("PublicKeyA").is_none_or(|key| key != LOCAL) {
        return Ok(());
    }
    let mut keys = aws.control(Method::GET, "edge/keys", None).await?;
    if keys.pointer("/parameters/PublicKeyA").is_none() {
        keys = aws.control(Method::POST, "edge/keys", Some(&json!({ "slot": "a" }))).await?;
    }
    parameters.remove("PublicKeyA");
    for (name, value) in keys.get("parameters").and_then(Value::as_object).into_iter().flatten() {
        parameters.entry(name.clone()).or_insert_with(|| value.as_str().unwrap_or_default().to_owned());
    }
    Ok(())
}

fn client(state: &Path) -> Result<Aws, String> {
    let running = running(state).ok_or("the local cloud is not running: start it with `make up`")?;
    Ok(Aws::new(text(&running, "endpoint")))
}

fn refuse_second(state: &Path) -> Result<(), String> {
    running(state).map_or(Ok(()), |running| {
        Err(format!("already running at {} (process {})", text(&running, "endpoint"), pid(&running)))
    })
}

/// What the running local cloud of that state folder wrote; a file that a crash left is passed over.
fn running(state: &Path) -> Option<Value> {
    let running: Value = serde_json::from_slice(&std::fs::read(state.join(RUNNING)).ok()?).ok()?;
    process::is_alive(pid(&running)).then_some(running)
}

fn write_running(state: &Path, health: &Value) -> Result<(), String> {
    // Renamed into place, so that nobody reads half of it.
    let (written, place) = (state.join("local.json.new"), state.join(RUNNING));
    std::fs::write(&written, health.to_string())
        .and_then(|()| std::fs::rename(&written, &place))
        .map_err(|error| format!("`{}`: {error}", place.display()))
}

fn state_folder(folder: &Path) -> Result<PathBuf, String> {
    let trouble = |error| format!("`{}`: {error}", folder.display());
    std::fs::create_dir_all(folder).map_err(trouble)?;
    let _ = std::fs::remove_file(folder.join(RUNNING));
    std::path::absolute(folder).map_err(trouble)
}

fn absolute(path: &Path) -> Result<PathBuf, String> {
    std::path::absolute(path).map_err(|error| format!("`{}`: {error}", path.display()))
}

fn print_summary(health: &Value) {
    let endpoint = text(health, "endpoint");
    let ministack = |member| health.pointer(member).and_then(Value::as_str).unwrap_or_default();
    println!("Local cloud  {endpoint}  (process {})", pid(health));
    println!("  Edge       {}", text(health, "edge"));
    println!("  account    {}", text(health, "account"));
    println!("  region     {}", text(health, "region"));
    println!("  MiniStack  {}, log {}", ministack("/ministack/endpoint"), ministack("/ministack/log"));
    println!("  control    {endpoint}/_local/health");
    for stack in health.get("stacks").and_then(Value::as_array).into_iter().flatten() {
        print_stack(stack);
    }
    println!("Use it with the AWS CLI, boto3 or any SDK:");
    println!("  export AWS_ENDPOINT_URL={endpoint} AWS_REGION={}", text(health, "region"));
    println!("  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test");
}

fn print_stack(stack: &Value) {
    println!("  stack      {}", text(stack, "stack"));
    for (name, value) in stack.get("outputs").and_then(Value::as_object).into_iter().flatten() {
        println!("    {name} = {}", value.as_str().unwrap_or_default());
    }
    for resource in stack.get("taken_out").and_then(Value::as_array).into_iter().flatten() {
        println!("    taken out: {}", resource.as_str().unwrap_or_default());
    }
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

fn pid(health: &Value) -> u32 {
    health.get("pid").and_then(Value::as_u64).and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0)
}
