"use strict";
// A story to play and the words in which a scheduler tells how it went; see ../README.md.

const fs = require("fs");

const TERMINAL = ["TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR", "TASK_LOST", "TASK_GONE"];
const TASK_MEM = 32;
const EXECUTOR_CPUS = 0.1;
const EXECUTOR_MEM = 256;

class Story {
    constructor(path) {
        this.known = [];
        this.waiting = [];
        this.actions = {};
        this.ended = new Set();
        this.heardOf = new Set();
        for (const line of fs.readFileSync(path, "utf8").trim().split("\n")) {
            this.read(...line.split("\t"));
        }
    }

    read(word, ...rest) {
        switch (word) {
        case "framework": this.framework = rest[0]; break;
        case "id": this.id = rest[0]; break;
        case "executor": this.executor = rest; break;
        case "say": this.text = rest[0]; break;
        case "stay": this.stays = true; break;
        case "known":
            this.known.push(rest[0]);
            this.actions[rest[0]] = rest[1];
            break;
        case "task":
        case "deed": {
            const [name, action, cpus, what] = rest;
            this.waiting.push({ name, action, cpus: Number(cpus), what, isDeed: word === "deed" });
            this.actions[name] = action;
            break;
        }
        default: throw new Error("a story has no `" + word + "`");
        }
    }

    /** Takes the tasks that an offer can carry; gives each as a v1 TaskInfo in JSON. */
    fitting(offer) {
        const has = (name) => offer.resources.filter((r) => r.name === name).reduce((sum, r) => sum + r.scalar.value, 0);
        let cpus = has("cpus") - (this.executor ? EXECUTOR_CPUS : 0);
        let mem = has("mem") - (this.executor ? EXECUTOR_MEM : 0);
        const mine = [];
        this.waiting = this.waiting.filter((task) => {
            if (task.action !== "force") {
                if (task.cpus > cpus || TASK_MEM > mem) return true;
                cpus -= task.cpus;
                mem -= TASK_MEM;
            }
            mine.push(this.info(task, offer.agent_id));
            return false;
        });
        return mine;
    }

    info(task, agent) {
        const info = {
            name: task.isDeed ? task.what : task.name,
            task_id: { value: task.name },
            agent_id: agent,
            resources: scalars(task.cpus, TASK_MEM),
        };
        if (!task.isDeed) {
            info.command = { value: task.what };
            return info;
        }
        info.executor = {
            executor_id: { value: this.executor[0] },
            command: { value: this.executor[1] },
            resources: scalars(EXECUTOR_CPUS, EXECUTOR_MEM),
        };
        return info;
    }

    /** Takes in a status; says whether the task is to be killed and whether its executor is spoken to. */
    update(status) {
        const name = status.task_id.value;
        tell("update", name, status.state, status.reason, status.source, status.message);
        this.heardOf.add(name);
        if (TERMINAL.includes(status.state)) this.ended.add(name);
        if (status.state !== "TASK_RUNNING") return {};
        const say = Boolean(this.text && !this.said && status.executor_id && status.executor_id.value === this.executor[0]);
        this.said = this.said || say;
        const kill = this.actions[name] === "kill";
        // Once: for a second kill, of a task that is gone, the master answers that it is lost.
        if (kill) this.actions[name] = "leave";
        return { kill, say };
    }

    message(executor, text) {
        tell("message", executor, text);
        this.heard = true;
    }

    isDone() {
        const ended = Object.keys(this.actions).every((name) => this.ended.has(name));
        return !this.stays && ended && Boolean(this.heard) === Boolean(this.text);
    }
}

function scalars(cpus, mem) {
    return [
        { name: "cpus", type: "SCALAR", scalar: { value: cpus } },
        { name: "mem", type: "SCALAR", scalar: { value: mem } },
    ];
}

function tell(...words) {
    const line = words.map((word) => (word === undefined || word === null ? "-" : String(word).replace(/\n/g, " ")));
    fs.writeSync(1, line.join("\t") + "\n");
}

module.exports = { Story, tell };
