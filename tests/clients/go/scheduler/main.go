// Plays a story with mesos-go's scheduler library, as it is: httpsched, controller, eventrules.
//
// usage: scheduler MASTER STORY
package main

import (
	"context"
	"log"
	"os"
	"strconv"
	"time"

	"github.com/gogo/protobuf/proto"
	"github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/backoff"
	"github.com/mesos/mesos-go/api/v1/lib/encoding/codecs"
	"github.com/mesos/mesos-go/api/v1/lib/extras/scheduler/callrules"
	"github.com/mesos/mesos-go/api/v1/lib/extras/scheduler/controller"
	"github.com/mesos/mesos-go/api/v1/lib/extras/scheduler/eventrules"
	"github.com/mesos/mesos-go/api/v1/lib/extras/store"
	"github.com/mesos/mesos-go/api/v1/lib/httpcli"
	"github.com/mesos/mesos-go/api/v1/lib/httpcli/httpsched"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler/calls"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler/events"

	"mezzo.test/clients/story"
)

const failoverTimeout = time.Hour

type player struct {
	*story.Story
	caller calls.Caller
	end    context.CancelFunc
}

func main() {
	told, err := story.Read(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ids := store.NewInMemorySingleton()
	if told.ID != "" {
		ids.Set(told.ID)
	}
	client := httpcli.New(
		httpcli.Endpoint("http://"+os.Args[1]+"/api/v1/scheduler"),
		httpcli.Codec(codecs.ByMediaType[codecs.MediaTypeProtobuf]),
		httpcli.Do(httpcli.With(httpcli.Timeout(20*time.Second))),
	)
	caller := callrules.New(callrules.WithFrameworkID(store.GetIgnoreErrors(ids))).Caller(httpsched.NewCaller(client))
	p := &player{told, caller, cancel}
	controller.Run(ctx, p.info(), caller,
		controller.WithEventHandler(p.handler(ids)),
		controller.WithFrameworkID(store.GetIgnoreErrors(ids)),
		controller.WithRegistrationTokens(backoff.Notifier(time.Second, 15*time.Second, ctx.Done())),
		controller.WithSubscriptionTerminated(func(err error) { log.Println("subscription ended:", err) }),
	)
	if !p.Done {
		log.Fatal("the stream is gone for good")
	}
	story.Tell("done")
}

func (p *player) info() *mesos.FrameworkInfo {
	return &mesos.FrameworkInfo{
		User:            "root",
		Name:            p.Framework,
		Checkpoint:      proto.Bool(true),
		FailoverTimeout: proto.Float64(failoverTimeout.Seconds()),
		Capabilities:    []mesos.FrameworkInfo_Capability{{Type: mesos.FrameworkInfo_Capability_RESERVATION_REFINEMENT}},
	}
}

func (p *player) handler(ids store.Singleton) events.Handler {
	return eventrules.New(controller.LiftErrors()).Handle(events.Handlers{
		scheduler.Event_SUBSCRIBED: eventrules.New(controller.TrackSubscription(ids, failoverTimeout)).HandleF(p.subscribed),
		scheduler.Event_OFFERS:     events.HandlerFunc(p.offers),
		scheduler.Event_UPDATE:     controller.AckStatusUpdates(p.caller).HandleF(p.update),
		scheduler.Event_MESSAGE:    events.HandlerFunc(p.message),
		scheduler.Event_FAILURE:    events.HandlerFunc(p.failure),
		scheduler.Event_ERROR: events.HandlerFunc(func(_ context.Context, e *scheduler.Event) error {
			story.Tell("error", e.GetError().GetMessage())
			p.end()
			return nil
		}),
	})
}

func (p *player) subscribed(ctx context.Context, e *scheduler.Event) error {
	story.Tell("subscribed", e.GetSubscribed().GetFrameworkID().GetValue())
	if len(p.Known) == 0 {
		return nil
	}
	tasks := map[string]string{}
	for _, name := range p.Known {
		tasks[name] = ""
	}
	return calls.CallNoData(ctx, p.caller, calls.Reconcile(calls.ReconcileTasks(tasks)))
}

func (p *player) offers(ctx context.Context, e *scheduler.Event) error {
	for _, offer := range e.GetOffers().GetOffers() {
		infos := p.Fitting(&offer)
		seconds := time.Duration(0)
		if len(infos) == 0 {
			seconds = time.Minute
			if p.Waits() {
				seconds = time.Second
			}
		}
		accept := calls.Accept(calls.OfferOperations{calls.OpLaunch(infos...)}.WithOffers(offer.ID))
		if err := calls.CallNoData(ctx, p.caller, accept.With(calls.RefuseSeconds(seconds))); err != nil {
			return err
		}
	}
	return nil
}

func (p *player) update(ctx context.Context, e *scheduler.Event) error {
	status := e.GetUpdate().GetStatus()
	agent := status.GetAgentID().GetValue()
	kill, say := p.Update(status)
	if say {
		message := calls.Message(agent, status.GetExecutorID().GetValue(), []byte(p.Text))
		if err := calls.CallNoData(ctx, p.caller, message); err != nil {
			return err
		}
	}
	if kill {
		if err := calls.CallNoData(ctx, p.caller, calls.Kill(status.TaskID.Value, agent)); err != nil {
			return err
		}
	}
	return p.endIfDone(ctx)
}

func (p *player) message(ctx context.Context, e *scheduler.Event) error {
	p.Heard(e.GetMessage().ExecutorID.Value, string(e.GetMessage().Data))
	return p.endIfDone(ctx)
}

func (p *player) failure(_ context.Context, e *scheduler.Event) error {
	status := "-"
	if e.GetFailure().Status != nil {
		status = strconv.Itoa(int(*e.GetFailure().Status))
	}
	story.Tell("failure", e.GetFailure().GetExecutorID().GetValue(), status)
	return nil
}

func (p *player) endIfDone(ctx context.Context) error {
	if !p.Done {
		return nil
	}
	defer p.end()
	return calls.CallNoData(ctx, p.caller, &scheduler.Call{Type: scheduler.Call_TEARDOWN})
}
