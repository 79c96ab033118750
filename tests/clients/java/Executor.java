package clients;

import com.google.protobuf.ByteString;
import com.mesosphere.mesos.rx.java.protobuf.ProtobufMesosClientBuilder;
import com.mesosphere.mesos.rx.java.util.UserAgentEntries;
import java.net.URI;
import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.Set;
import java.util.UUID;
import org.apache.mesos.v1.Protos.ExecutorID;
import org.apache.mesos.v1.Protos.FrameworkID;
import org.apache.mesos.v1.Protos.TaskID;
import org.apache.mesos.v1.Protos.TaskInfo;
import org.apache.mesos.v1.Protos.TaskState;
import org.apache.mesos.v1.Protos.TaskStatus;
import org.apache.mesos.v1.executor.Protos.Call;
import org.apache.mesos.v1.executor.Protos.Event;
import rx.Observable;

/** An executor with mesos-rxjava, as it is: does what a task's name says. */
public final class Executor {
    private final FrameworkID framework = FrameworkID.newBuilder().setValue(System.getenv("MESOS_FRAMEWORK_ID")).build();
    private final ExecutorID id = ExecutorID.newBuilder().setValue(System.getenv("MESOS_EXECUTOR_ID")).build();
    private final Outbox<Call> outbox = new Outbox<>();
    private final Set<TaskID> waiting = new HashSet<>();

    public static void main(final String[] args) throws Throwable {
        final Executor executor = new Executor();
        ProtobufMesosClientBuilder.executorUsingProtos()
            .mesosUri(URI.create("http://" + System.getenv("MESOS_AGENT_ENDPOINT") + "/api/v1/executor"))
            .applicationUserAgentEntry(UserAgentEntries.literal("story", "1"))
            .subscribe(executor.call(Call.Type.SUBSCRIBE).setSubscribe(Call.Subscribe.getDefaultInstance()).build())
            .processStream(events ->
                Observable.merge(events.doOnNext(executor::take).ignoreElements().map(none -> null), executor.outbox.sends()))
            .build()
            .openStream()
            .await();
    }

    private void take(final Event event) {
        switch (event.getType()) {
            case LAUNCH: launch(event.getLaunch().getTask()); break;
            case KILL:
                if (waiting.remove(event.getKill().getTaskId())) {
                    status(event.getKill().getTaskId(), TaskState.TASK_KILLED, "");
                }
                break;
            case MESSAGE:
                final ByteString heard = ByteString.copyFromUtf8("heard ").concat(event.getMessage().getData());
                outbox.send(call(Call.Type.MESSAGE).setMessage(Call.Message.newBuilder().setData(heard)).build());
                break;
            case SHUTDOWN: System.exit(0); break;
            default: break;
        }
    }

    private void launch(final TaskInfo task) {
        status(task.getTaskId(), TaskState.TASK_STARTING, "");
        status(task.getTaskId(), TaskState.TASK_RUNNING, "");
        switch (task.getName()) {
            case "wait": waiting.add(task.getTaskId()); break;
            case "fail": status(task.getTaskId(), TaskState.TASK_FAILED, "as it was told"); break;
            default: status(task.getTaskId(), TaskState.TASK_FINISHED, ""); break;
        }
    }

    private void status(final TaskID task, final TaskState state, final String message) {
        final UUID uuid = UUID.randomUUID();
        final ByteBuffer bytes = ByteBuffer.allocate(16).putLong(uuid.getMostSignificantBits()).putLong(uuid.getLeastSignificantBits());
        final TaskStatus status = TaskStatus.newBuilder()
            .setTaskId(task)
            .setState(state)
            .setMessage(message)
            .setSource(TaskStatus.Source.SOURCE_EXECUTOR)
            .setExecutorId(id)
            .setUuid(ByteString.copyFrom(bytes.array()))
            .build();
        outbox.send(call(Call.Type.UPDATE).setUpdate(Call.Update.newBuilder().setStatus(status)).build());
    }

    private Call.Builder call(final Call.Type type) {
        return Call.newBuilder().setFrameworkId(framework).setExecutorId(id).setType(type);
    }
}
