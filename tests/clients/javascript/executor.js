"use strict";
// An executor with the Executor of npm's mesos-framework, as it is: does what a task's name says.
//
// Its SUBSCRIBE lacks the member `subscribe`, and a Mesos refuses that (so do we: "Expecting
// 'subscribe' to be present"). Only that one body is completed on its way out.

const http = require("http");
const crypto = require("crypto");
const { Executor } = require("mesos-framework");

const request = http.request;
http.request = (options, answered) => {
    const outgoing = request(options, answered);
    const write = outgoing.write.bind(outgoing);
    outgoing.write = (text) => {
        const call = JSON.parse(text);
        if (call.type === "SUBSCRIBE") call.subscribe = {};
        return write(JSON.stringify(call));
    };
    return outgoing;
};

// One call at a time: the library opens a connection for each, and statuses must not overtake another.
const calls = [];
const say = (call) => {
    calls.push(call);
    if (calls.length === 1) call();
};
const said = () => {
    calls.shift();
    if (calls.length > 0) calls[0]();
};

const waiting = new Set();
const status = (task, state, message) => say(() => executor.update({
    task_id: task,
    state,
    message,
    source: "SOURCE_EXECUTOR",
    uuid: Buffer.from(crypto.randomUUID().replace(/-/g, ""), "hex").toString("base64"),
}));

const executor = new Executor({
    handlers: {
        SUBSCRIBED: (_) => {},
        LAUNCH: (event) => {
            const { task_id: task, name } = event.task;
            status(task, "TASK_STARTING");
            status(task, "TASK_RUNNING");
            if (name === "wait") waiting.add(task.value);
            else if (name === "fail") status(task, "TASK_FAILED", "as it was told");
            else status(task, "TASK_FINISHED");
        },
        KILL: (event) => {
            if (waiting.delete(event.task_id.value)) status(event.task_id, "TASK_KILLED");
        },
        ACKNOWLEDGED: (_) => {},
        MESSAGE: (event) => say(() => executor.message("heard " + Buffer.from(event.data, "base64"))),
        ERROR: (event) => console.error(event.message),
        SHUTDOWN: (_) => process.exit(0),
    },
});

executor.on("sent_update", said);
executor.on("sent_message", said);
executor.on("error", (error) => {
    console.error(error);
    process.exit(1);
});
executor.subscribe();
