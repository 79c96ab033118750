"use strict";
// Plays a story with the Scheduler of npm's mesos-framework, as it is.
//
// usage: scheduler.js MASTER STORY

const os = require("os");
const { Scheduler } = require("mesos-framework");
const { Story, tell } = require("./story");

const [master, path] = process.argv.slice(2);
const story = new Story(path);
const [host, port] = master.split(":");

const scheduler = new Scheduler({
    masterUrl: host,
    port,
    user: "root",
    frameworkName: story.framework,
    frameworkFailoverTimeout: 3600,
    masterConnectionTimeout: 60, // seconds of silence; a heartbeat comes every 15
    logging: { path: os.tmpdir(), fileName: "mesos-framework." + process.pid + ".log", level: "error" },
    handlers: { OFFERS: offers, UPDATE: update },
});
scheduler.frameworkId = story.id || null;

scheduler.on("ready", () => scheduler.subscribe());
scheduler.on("subscribed", (event) => {
    tell("subscribed", event.frameworkId);
    if (story.known.length > 0) scheduler.reconcile();
});
scheduler.on("message", (event) => {
    story.message(event.executorId.value, event.data);
    endIfDone();
});
scheduler.on("failure", (event) => tell("failure", event.executor_id && event.executor_id.value, event.status));
let ending = false;
scheduler.on("error", (error) => {
    if (ending) return; // the end of the stream after TEARDOWN is an error to the library
    tell("error", error.message || error);
    if (error.stack) console.error(error.stack);
});
scheduler.on("sent_teardown", () => {
    tell("done");
    process.exit(0);
});

let asked = false;
function offers(event) {
    for (const offer of event.offers) {
        // The library reconciles one task only together with its agent.
        if (story.known.length > 0 && !asked) {
            asked = true;
            const unheard = story.known.filter((name) => !story.heardOf.has(name));
            unheard.forEach((name) => scheduler.reconcile(name, offer.agent_id.value));
        }
        const infos = story.fitting(offer);
        if (infos.length > 0) {
            const launch = { type: "LAUNCH", launch: { task_infos: infos } };
            scheduler.accept([offer.id], [launch], { refuse_seconds: 0 });
        } else {
            scheduler.decline([offer.id], { refuse_seconds: story.waiting.length > 0 ? 1 : 60 });
        }
    }
}

function update(event) {
    const status = event.status;
    scheduler.acknowledge(event);
    const { kill, say } = story.update(status);
    if (say) scheduler.message(status.agent_id.value, status.executor_id.value, story.text);
    if (kill) scheduler.kill(status.task_id.value, status.agent_id.value);
    endIfDone();
}

function endIfDone() {
    if (ending || !story.isDone()) return;
    ending = true;
    scheduler.teardown();
}
