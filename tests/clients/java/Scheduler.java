package clients;

import com.google.protobuf.ByteString;
import com.mesosphere.mesos.rx.java.protobuf.ProtobufMesosClientBuilder;
import com.mesosphere.mesos.rx.java.protobuf.SchedulerCalls;
import com.mesosphere.mesos.rx.java.util.UserAgentEntries;
import java.net.URI;
import java.util.List;
import org.apache.mesos.v1.Protos.Filters;
import org.apache.mesos.v1.Protos.FrameworkID;
import org.apache.mesos.v1.Protos.FrameworkInfo;
import org.apache.mesos.v1.Protos.Offer;
import org.apache.mesos.v1.Protos.TaskID;
import org.apache.mesos.v1.Protos.TaskInfo;
import org.apache.mesos.v1.Protos.TaskStatus;
import org.apache.mesos.v1.scheduler.Protos.Call;
import org.apache.mesos.v1.scheduler.Protos.Event;
import rx.Observable;

/** Plays a story with mesos-rxjava, as it is. Usage: {@code clients.Scheduler MASTER STORY} */
public final class Scheduler {
    private final Story story;
    private final Outbox<Call> outbox = new Outbox<>();
    private volatile FrameworkID framework;

    private Scheduler(final Story story) {
        this.story = story;
    }

    public static void main(final String[] args) throws Throwable {
        final Story story = new Story(args[1]);
        final Scheduler scheduler = new Scheduler(story);
        ProtobufMesosClientBuilder.schedulerUsingProtos()
            .mesosUri(URI.create("http://" + args[0] + "/api/v1/scheduler"))
            .applicationUserAgentEntry(UserAgentEntries.literal("story", "1"))
            .subscribe(scheduler.subscribe())
            .processStream(events ->
                Observable.merge(events.doOnNext(scheduler::take).ignoreElements().map(none -> null), scheduler.outbox.sends()))
            .build()
            .openStream()
            .await();
    }

    private Call subscribe() {
        final FrameworkInfo.Builder info = FrameworkInfo.newBuilder()
            .setUser("root")
            .setName(story.framework)
            .setCheckpoint(true)
            .setFailoverTimeout(3600);
        if (story.id != null) {
            final FrameworkID id = FrameworkID.newBuilder().setValue(story.id).build();
            return SchedulerCalls.subscribe(id, info.setId(id).build());
        }
        return Call.newBuilder()
            .setType(Call.Type.SUBSCRIBE)
            .setSubscribe(Call.Subscribe.newBuilder().setFrameworkInfo(info))
            .build();
    }

    private void take(final Event event) {
        switch (event.getType()) {
            case SUBSCRIBED: subscribed(event.getSubscribed().getFrameworkId()); break;
            case OFFERS: event.getOffers().getOffersList().forEach(this::offer); break;
            case UPDATE: update(event.getUpdate().getStatus()); break;
            case MESSAGE:
                story.heard(event.getMessage().getExecutorId().getValue(), event.getMessage().getData().toStringUtf8());
                endIfDone();
                break;
            case FAILURE:
                Story.tell("failure", event.getFailure().getExecutorId().getValue(), "" + event.getFailure().getStatus());
                break;
            case ERROR: Story.tell("error", event.getError().getMessage()); break;
            default: break;
        }
    }

    private void subscribed(final FrameworkID id) {
        framework = id;
        Story.tell("subscribed", id.getValue());
        if (!story.known.isEmpty()) {
            final Call.Reconcile.Builder reconcile = Call.Reconcile.newBuilder();
            story.known.forEach(name -> reconcile.addTasks(
                Call.Reconcile.Task.newBuilder().setTaskId(TaskID.newBuilder().setValue(name))));
            outbox.send(call(Call.Type.RECONCILE).setReconcile(reconcile).build());
        }
    }

    private void offer(final Offer offer) {
        final List<TaskInfo> infos = story.fitting(offer);
        if (infos.isEmpty()) {
            final Filters filters = Filters.newBuilder().setRefuseSeconds(story.waits() ? 1 : 60).build();
            outbox.send(call(Call.Type.DECLINE)
                .setDecline(Call.Decline.newBuilder().addOfferIds(offer.getId()).setFilters(filters))
                .build());
            return;
        }
        outbox.send(call(Call.Type.ACCEPT)
            .setAccept(Call.Accept.newBuilder()
                .addOfferIds(offer.getId())
                .addOperations(Offer.Operation.newBuilder()
                    .setType(Offer.Operation.Type.LAUNCH)
                    .setLaunch(Offer.Operation.Launch.newBuilder().addAllTaskInfos(infos)))
                .setFilters(Filters.newBuilder().setRefuseSeconds(0)))
            .build());
    }

    private void update(final TaskStatus status) {
        final boolean kill = story.update(status);
        if (status.hasUuid()) {
            outbox.send(SchedulerCalls.ackUpdate(framework, status.getUuid(), status.getAgentId(), status.getTaskId()));
        }
        if (story.speaks(status)) {
            outbox.send(call(Call.Type.MESSAGE)
                .setMessage(Call.Message.newBuilder()
                    .setAgentId(status.getAgentId())
                    .setExecutorId(status.getExecutorId())
                    .setData(ByteString.copyFromUtf8(story.text)))
                .build());
        }
        if (kill) {
            outbox.send(call(Call.Type.KILL)
                .setKill(Call.Kill.newBuilder().setTaskId(status.getTaskId()).setAgentId(status.getAgentId()))
                .build());
        }
        endIfDone();
    }

    private void endIfDone() {
        if (story.isDone()) {
            outbox.send(call(Call.Type.TEARDOWN).build(), () -> {
                Story.tell("done");
                System.exit(0);
            });
        }
    }

    private Call.Builder call(final Call.Type type) {
        return Call.newBuilder().setFrameworkId(framework).setType(type);
    }
}
