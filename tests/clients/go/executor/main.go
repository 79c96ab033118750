// An executor with mesos-go's executor library, as it is: does what a task's name says.
package main

import (
	"context"
	"log"
	"net/url"
	"os"
	"time"

	"github.com/gogo/protobuf/proto"
	"github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/encoding/codecs"
	"github.com/mesos/mesos-go/api/v1/lib/executor"
	"github.com/mesos/mesos-go/api/v1/lib/executor/calls"
	"github.com/mesos/mesos-go/api/v1/lib/executor/config"
	"github.com/mesos/mesos-go/api/v1/lib/executor/events"
	"github.com/mesos/mesos-go/api/v1/lib/httpcli"
	"github.com/mesos/mesos-go/api/v1/lib/httpcli/httpexec"
	"github.com/pborman/uuid"
)

type doer struct {
	calls   calls.Sender
	id      mesos.ExecutorID
	tasks   map[mesos.TaskID]mesos.TaskInfo
	updates map[string]executor.Call_Update
}

func main() {
	settings, err := config.FromEnv()
	if err != nil {
		log.Fatal(err)
	}
	api := url.URL{Scheme: "http", Host: settings.AgentEndpoint, Path: "/api/v1/executor"}
	client := httpcli.New(
		httpcli.Endpoint(api.String()),
		httpcli.Codec(codecs.ByMediaType[codecs.MediaTypeProtobuf]),
		httpcli.Do(httpcli.With(httpcli.Timeout(10*time.Second))),
	)
	options := executor.CallOptions{calls.Framework(settings.FrameworkID), calls.Executor(settings.ExecutorID)}
	d := &doer{
		calls:   calls.SenderWith(httpexec.NewSender(client.Send), options...),
		id:      mesos.ExecutorID{Value: settings.ExecutorID},
		tasks:   map[mesos.TaskID]mesos.TaskInfo{},
		updates: map[string]executor.Call_Update{},
	}
	subscriber := calls.SenderWith(httpexec.NewSender(client.Send, httpcli.Close(true)), options...)
	for gone := time.Now(); ; time.Sleep(200 * time.Millisecond) {
		connected, err := d.listen(subscriber)
		log.Println("disconnected:", err)
		if connected {
			gone = time.Now()
		}
		if !settings.Checkpoint || time.Since(gone) > settings.RecoveryTimeout {
			return
		}
	}
}

// listen does what the agent says until the stream ends; tells whether there was one.
func (d *doer) listen(subscriber calls.Sender) (bool, error) {
	subscribe := calls.Subscribe(d.unacknowledged())
	response, err := subscriber.Send(context.Background(), calls.NonStreaming(subscribe))
	if response != nil {
		defer response.Close()
	}
	if err != nil {
		return false, err
	}
	handler := d.handler()
	for {
		var event executor.Event
		if err := response.Decode(&event); err != nil {
			return true, err
		}
		if err := handler.HandleEvent(context.Background(), &event); err != nil {
			return true, err
		}
	}
}

func (d *doer) unacknowledged() (tasks []mesos.TaskInfo, updates []executor.Call_Update) {
	for _, task := range d.tasks {
		tasks = append(tasks, task)
	}
	for _, update := range d.updates {
		updates = append(updates, update)
	}
	return tasks, updates
}

func (d *doer) handler() events.Handler {
	return events.HandlerFuncs{
		executor.Event_LAUNCH: func(_ context.Context, e *executor.Event) error { return d.launch(e.Launch.Task) },
		executor.Event_KILL: func(_ context.Context, e *executor.Event) error {
			return d.status(e.Kill.TaskID, mesos.TASK_KILLED, "")
		},
		executor.Event_ACKNOWLEDGED: func(_ context.Context, e *executor.Event) error {
			delete(d.tasks, e.Acknowledged.TaskID)
			delete(d.updates, string(e.Acknowledged.UUID))
			return nil
		},
		executor.Event_MESSAGE: func(_ context.Context, e *executor.Event) error {
			return d.send(calls.Message(append([]byte("heard "), e.Message.Data...)))
		},
		executor.Event_SHUTDOWN: func(context.Context, *executor.Event) error {
			os.Exit(0)
			return nil
		},
	}.Otherwise(func(context.Context, *executor.Event) error { return nil })
}

func (d *doer) launch(task mesos.TaskInfo) error {
	d.tasks[task.TaskID] = task
	for _, state := range []mesos.TaskState{mesos.TASK_STARTING, mesos.TASK_RUNNING} {
		if err := d.status(task.TaskID, state, ""); err != nil {
			return err
		}
	}
	switch task.Name {
	case "wait":
		return nil
	case "fail":
		return d.status(task.TaskID, mesos.TASK_FAILED, "as it was told")
	default:
		return d.status(task.TaskID, mesos.TASK_FINISHED, "")
	}
}

func (d *doer) status(task mesos.TaskID, state mesos.TaskState, message string) error {
	status := mesos.TaskStatus{
		TaskID:     task,
		State:      &state,
		Source:     mesos.SOURCE_EXECUTOR.Enum(),
		ExecutorID: &d.id,
		UUID:       uuid.NewRandom(),
	}
	if message != "" {
		status.Message = proto.String(message)
	}
	update := calls.Update(status)
	d.updates[string(status.UUID)] = *update.Update
	return d.send(update)
}

func (d *doer) send(call *executor.Call) error {
	response, err := d.calls.Send(context.Background(), calls.NonStreaming(call))
	if response != nil {
		response.Close()
	}
	return err
}
