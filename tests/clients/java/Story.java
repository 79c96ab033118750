package clients;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.mesos.v1.Protos.AgentID;
import org.apache.mesos.v1.Protos.CommandInfo;
import org.apache.mesos.v1.Protos.ExecutorID;
import org.apache.mesos.v1.Protos.ExecutorInfo;
import org.apache.mesos.v1.Protos.Offer;
import org.apache.mesos.v1.Protos.Resource;
import org.apache.mesos.v1.Protos.TaskID;
import org.apache.mesos.v1.Protos.TaskInfo;
import org.apache.mesos.v1.Protos.TaskState;
import org.apache.mesos.v1.Protos.TaskStatus;
import org.apache.mesos.v1.Protos.Value;

/** What a scheduler is to do, and how far it is; see ../README.md. Any thread may call it. */
final class Story {
    private static final double TASK_MEM = 32;
    private static final double EXECUTOR_CPUS = 0.1;
    private static final double EXECUTOR_MEM = 256;

    String framework = "";
    String id;
    String text;
    final List<String> known = new ArrayList<>();

    private String[] executor;
    private boolean stays;
    private boolean said;
    private boolean heard;
    /** Lines of tasks that no offer carried yet. */
    private final List<String[]> waiting = new ArrayList<>();
    private final Map<String, String> actions = new HashMap<>();
    private final Set<String> ended = new HashSet<>();

    Story(final String path) throws IOException {
        for (final String line : Files.readAllLines(Paths.get(path))) {
            read(line.split("\t"));
        }
    }

    private void read(final String[] words) {
        switch (words[0]) {
            case "framework": framework = words[1]; break;
            case "id": id = words[1]; break;
            case "executor": executor = words; break;
            case "say": text = words[1]; break;
            case "stay": stays = true; break;
            case "known":
                known.add(words[1]);
                actions.put(words[1], words[2]);
                break;
            case "task":
            case "deed":
                waiting.add(words);
                actions.put(words[1], words[2]);
                break;
            default: throw new IllegalArgumentException("a story has no `" + words[0] + "`");
        }
    }

    synchronized boolean waits() {
        return !waiting.isEmpty();
    }

    /** Takes the tasks that this offer can carry. */
    synchronized List<TaskInfo> fitting(final Offer offer) {
        double cpus = scalar(offer, "cpus") - (executor == null ? 0 : EXECUTOR_CPUS);
        double mem = scalar(offer, "mem") - (executor == null ? 0 : EXECUTOR_MEM);
        final List<TaskInfo> mine = new ArrayList<>();
        for (final Iterator<String[]> each = waiting.iterator(); each.hasNext(); ) {
            final String[] task = each.next();
            final double wants = Double.parseDouble(task[3]);
            if (!task[2].equals("force")) {
                if (wants > cpus || TASK_MEM > mem) {
                    continue;
                }
                cpus -= wants;
                mem -= TASK_MEM;
            }
            mine.add(info(task, wants, offer.getAgentId()));
            each.remove();
        }
        return mine;
    }

    private TaskInfo info(final String[] task, final double cpus, final AgentID agent) {
        final TaskInfo.Builder info = TaskInfo.newBuilder()
            .setName(task[1])
            .setTaskId(TaskID.newBuilder().setValue(task[1]))
            .setAgentId(agent)
            .addAllResources(scalars(cpus, TASK_MEM));
        if (task[0].equals("task")) {
            return info.setCommand(CommandInfo.newBuilder().setValue(task[4])).build();
        }
        return info.setName(task[4])
            .setExecutor(ExecutorInfo.newBuilder()
                .setExecutorId(ExecutorID.newBuilder().setValue(executor[1]))
                .setCommand(CommandInfo.newBuilder().setValue(executor[2]))
                .addAllResources(scalars(EXECUTOR_CPUS, EXECUTOR_MEM)))
            .build();
    }

    /** Takes in a status; says whether the task is to be killed. */
    synchronized boolean update(final TaskStatus status) {
        final String name = status.getTaskId().getValue();
        tell(
            "update",
            name,
            status.getState().name(),
            status.hasReason() ? status.getReason().name() : "-",
            status.hasSource() ? status.getSource().name() : "-",
            status.getMessage()
        );
        switch (status.getState()) {
            case TASK_FINISHED: case TASK_FAILED: case TASK_KILLED: case TASK_ERROR: case TASK_LOST:
                ended.add(name);
                return false;
            default:
                // Once: for a second kill, of a task that is gone, the master answers that it is lost.
                return status.getState() == TaskState.TASK_RUNNING && actions.replace(name, "kill", "leave");
        }
    }

    /** Whether the executor that runs this task is spoken to now; once in a story. */
    synchronized boolean speaks(final TaskStatus status) {
        final boolean now = text != null && !said && status.getState() == TaskState.TASK_RUNNING
            && status.hasExecutorId() && status.getExecutorId().getValue().equals(executor[1]);
        said |= now;
        return now;
    }

    synchronized void heard(final String from, final String what) {
        tell("message", from, what);
        heard = true;
    }

    synchronized boolean isDone() {
        return !stays && ended.containsAll(actions.keySet()) && heard == (text != null);
    }

    /** Prints one line of the story. */
    static synchronized void tell(final String... words) {
        for (int i = 0; i < words.length; i++) {
            words[i] = words[i] == null || words[i].isEmpty() ? "-" : words[i].replace('\n', ' ');
        }
        System.out.println(String.join("\t", words));
    }

    private static double scalar(final Offer offer, final String name) {
        return offer.getResourcesList().stream()
            .filter(resource -> resource.getName().equals(name))
            .mapToDouble(resource -> resource.getScalar().getValue())
            .sum();
    }

    private static List<Resource> scalars(final double cpus, final double mem) {
        final List<Resource> both = new ArrayList<>();
        both.add(scalar("cpus", cpus));
        both.add(scalar("mem", mem));
        return both;
    }

    private static Resource scalar(final String name, final double value) {
        return Resource.newBuilder()
            .setName(name)
            .setType(Value.Type.SCALAR)
            .setScalar(Value.Scalar.newBuilder().setValue(value))
            .build();
    }
}
