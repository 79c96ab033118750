"""What an agent starts for a command task: the program that makes a container of a command, and the command executor."""
import base64, http.client, json, os, signal, subprocess, sys, threading, time, uuid


def containerizer():
    """`mesos-containerizer launch`, without any isolation: runs what the agent has prepared."""
    launch = json.loads(os.environ["MESOS_CONTAINERIZER_LAUNCH_INFO"])
    pipe = os.environ.get("MESOS_CONTAINERIZER_PIPE_READ")
    if pipe is not None:
        # The agent writes a byte once it has isolated this process.
        os.close(int(os.environ["MESOS_CONTAINERIZER_PIPE_WRITE"]))
        if not os.read(int(pipe), 1):
            sys.exit(1)
        os.close(int(pipe))
    given = launch.get("environment", {}).get("variables", [])
    env = {} if given else {k: v for k, v in os.environ.items() if not k.startswith("MESOS_CONTAINERIZER_")}
    env.update((variable["name"], variable.get("value", "")) for variable in given)
    env.setdefault("PATH", os.environ.get("PATH", "/usr/bin:/bin"))
    if launch.get("working_directory"):
        os.chdir(launch["working_directory"])
    child = subprocess.Popen(argv(launch["command"]), env=env)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: child.send_signal(number))
    code = child.wait()
    runtime = os.environ.get("MESOS_CONTAINERIZER_RUNTIME_DIRECTORY")
    if runtime:
        try:
            with open(os.path.join(runtime, "status"), "w") as status:
                status.write(str(code << 8 if code >= 0 else -code))
        except OSError:
            pass
    os._exit(code if code >= 0 else 128 - code)


def argv(command):
    if command.get("shell", True):
        return ["/bin/sh", "-c", command["value"]]
    return [command["value"], *command.get("arguments", [])[1:]]


class Executor:
    """`mesos-executor`: one command task over the executor API."""

    def __init__(self):
        host, port = os.environ["MESOS_AGENT_ENDPOINT"].rsplit(":", 1)
        self.agent = host, int(port)
        self.ids = {"framework_id": {"value": os.environ["MESOS_FRAMEWORK_ID"]},
                    "executor_id": {"value": os.environ["MESOS_EXECUTOR_ID"]}}
        self.lock = threading.Lock()
        self.child, self.is_killed = None, False

    def post(self, call):
        connection = http.client.HTTPConnection(*self.agent)
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        connection.request("POST", "/api/v1/executor", json.dumps({**self.ids, **call}), headers)
        return connection.getresponse()

    def update(self, task_id, state, **more):
        status = {"task_id": task_id, "state": state, "source": "SOURCE_EXECUTOR", "timestamp": time.time(),
                  "uuid": base64.b64encode(uuid.uuid4().bytes).decode(), **more}
        with self.lock:
            self.post({"type": "UPDATE", "update": {"status": status}}).read()

    def run(self):
        lists = {"unacknowledged_tasks": [], "unacknowledged_updates": []}
        events = self.post({"type": "SUBSCRIBE", "subscribe": lists})
        while length := events.readline():
            event = json.loads(events.read(int(length)))
            if event["type"] == "LAUNCH":
                self.launch(event["launch"]["task"])
            elif event["type"] in ("KILL", "SHUTDOWN"):
                self.is_killed = True
                if self.child and self.child.poll() is None:
                    os.killpg(self.child.pid, signal.SIGTERM)

    def launch(self, task):
        command = task["command"]
        env = dict(os.environ)
        for variable in command.get("environment", {}).get("variables", []):
            env[variable["name"]] = variable.get("value", "")
        words = ["/bin/sh", "-c", command["value"]] if command.get("shell", True) else command.get("arguments") or [command["value"]]
        program = None if command.get("shell", True) else command["value"]
        self.update(task["task_id"], "TASK_STARTING")
        try:
            self.child = subprocess.Popen(words, executable=program, env=env, start_new_session=True)
        except OSError as error:
            self.update(task["task_id"], "TASK_FAILED", message=str(error))
            return self.leave()
        self.update(task["task_id"], "TASK_RUNNING")
        threading.Thread(target=self.watch, args=(task["task_id"],), daemon=True).start()

    def watch(self, task_id):
        code = self.child.wait()
        if self.is_killed:
            self.update(task_id, "TASK_KILLED", message="Command terminated with signal Terminated")
        elif code < 0:
            self.update(task_id, "TASK_FAILED", message=f"Command terminated with signal {signal.strsignal(-code)}")
        else:
            self.update(task_id, "TASK_FINISHED" if code == 0 else "TASK_FAILED", message=f"Command exited with status {code}")
        self.leave()

    def leave(self):
        # The agent takes what was sent before it sees the end.
        time.sleep(1)
        os._exit(0)


if sys.argv[1] == "mesos-containerizer":
    containerizer()
else:
    Executor().run()
