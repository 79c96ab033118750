"""A story to play and the words in which a scheduler tells how it went; see ../README.md."""

import sys
import threading

TERMINAL = {"TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR", "TASK_LOST", "TASK_GONE"}
TASK_MEM = 32
EXECUTOR_CPUS = 0.1
EXECUTOR_MEM = 256


class Task:
    def __init__(self, name, action, cpus=0.0, command="", deed=""):
        self.name, self.action, self.cpus = name, action, cpus
        self.command, self.deed = command, deed


class Story:
    """What is to be done, and how far it is. Any thread may call it."""

    def __init__(self, path):
        self.framework, self.id, self.executor, self.text = "", None, None, None
        self.known, self.waiting, self.stays = [], [], False
        self.actions, self.ended, self.said, self.heard = {}, set(), False, False
        self.lock, self.done = threading.RLock(), threading.Event()
        with open(path) as lines:
            for line in lines:
                self._read(*line.rstrip("\n").split("\t"))

    def _read(self, word, *rest):
        if word == "framework":
            self.framework = rest[0]
        elif word == "id":
            self.id = rest[0]
        elif word == "executor":
            self.executor = rest
        elif word == "say":
            self.text = rest[0]
        elif word == "stay":
            self.stays = True
        elif word == "known":
            self.known.append(rest[0])
            self.actions[rest[0]] = rest[1]
        elif word in ("task", "deed"):
            name, action, cpus, what = rest
            key = "command" if word == "task" else "deed"
            self.waiting.append(Task(name, action, float(cpus), **{key: what}))
            self.actions[name] = action
        else:
            raise ValueError("a story has no `%s`" % word)

    def fitting(self, resources):
        """Takes the tasks that an offer of these resources can carry."""
        left = {r["name"]: r["scalar"]["value"] for r in resources if "scalar" in r}
        cpus, mem = left.get("cpus", 0.0), left.get("mem", 0.0)
        if self.executor:
            cpus, mem = cpus - EXECUTOR_CPUS, mem - EXECUTOR_MEM
        mine = []
        with self.lock:
            for task in list(self.waiting):
                if task.action == "force" or (task.cpus <= cpus and TASK_MEM <= mem):
                    if task.action != "force":
                        cpus, mem = cpus - task.cpus, mem - TASK_MEM
                    self.waiting.remove(task)
                    mine.append(task)
        return mine

    def info(self, task, agent):
        """A v1 TaskInfo in JSON."""
        info = {
            "name": task.deed or task.name,
            "task_id": {"value": task.name},
            "agent_id": {"value": agent},
            "resources": scalars(task.cpus, TASK_MEM),
        }
        if task.deed:
            name, command = self.executor
            info["executor"] = {
                "type": "CUSTOM",
                "executor_id": {"value": name},
                "command": {"value": command},
                "resources": scalars(EXECUTOR_CPUS, EXECUTOR_MEM),
            }
        else:
            info["command"] = {"value": task.command}
        return info

    def subscribed(self, framework):
        tell("subscribed", framework)

    def update(self, status):
        """Takes in a status; says what the scheduler is to do: `kill`, `say` or nothing."""
        name, state = status["task_id"]["value"], status["state"]
        tell("update", name, state, status.get("reason"), status.get("source"), status.get("message"))
        with self.lock:
            if state in TERMINAL:
                self.ended.add(name)
                self._look()
            elif state == "TASK_RUNNING":
                return self._deeds(name, status.get("executor_id", {}).get("value"))
        return []

    def _deeds(self, name, executor):
        deeds = []
        if self.text and not self.said and self.executor and executor == self.executor[0]:
            self.said = True
            deeds.append("say")
        if self.actions.get(name) == "kill":
            # Once: for a second kill, of a task that is gone, the master answers that it is lost.
            self.actions[name] = "leave"
            deeds.append("kill")
        return deeds

    def message(self, executor, text):
        tell("message", executor, text)
        with self.lock:
            self.heard = True
            self._look()

    def failure(self, executor, status):
        tell("failure", executor, status)

    def error(self, message):
        tell("error", message)
        self.done.set()

    def _look(self):
        if not self.stays and self.ended >= set(self.actions) and self.heard == bool(self.text):
            self.done.set()


def scalars(cpus, mem):
    return [
        {"name": "cpus", "type": "SCALAR", "scalar": {"value": cpus}},
        {"name": "mem", "type": "SCALAR", "scalar": {"value": mem}},
    ]


def tell(*words):
    sys.stdout.write("\t".join("-" if w is None else str(w).replace("\n", " ") for w in words) + "\n")
    sys.stdout.flush()
