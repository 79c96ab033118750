package clients;

import com.mesosphere.mesos.rx.java.SinkOperation;
import com.mesosphere.mesos.rx.java.SinkOperations;
import java.util.ArrayDeque;
import java.util.Optional;
import java.util.Queue;
import rx.Observable;
import rx.subjects.PublishSubject;

/**
 * Calls that go out one after the other: the library would send them at once, each on a connection of its
 * own, and a status could overtake another.
 */
final class Outbox<Call> {
    private static final class Letter<Call> {
        private final Call call;
        private final Runnable then;

        Letter(final Call call, final Runnable then) {
            this.call = call;
            this.then = then;
        }
    }

    private final Queue<Letter<Call>> queue = new ArrayDeque<>();
    private final PublishSubject<Optional<SinkOperation<Call>>> sends = PublishSubject.create();
    private boolean busy;

    /** What `processStream` is to give back. */
    Observable<Optional<SinkOperation<Call>>> sends() {
        return sends.onBackpressureBuffer();
    }

    void send(final Call call) {
        send(call, () -> { });
    }

    void send(final Call call, final Runnable then) {
        synchronized (this) {
            queue.add(new Letter<>(call, then));
            if (busy) {
                return;
            }
            busy = true;
        }
        next();
    }

    private void next() {
        final Letter<Call> letter;
        synchronized (this) {
            letter = queue.poll();
            busy = letter != null;
        }
        if (letter != null) {
            sends.onNext(Optional.of(SinkOperations.create(letter.call, () -> {
                letter.then.run();
                next();
            }, error -> {
                error.printStackTrace();
                System.exit(1);
            })));
        }
    }
}
