// Package story reads what a scheduler is to do and tells how it went; see ../../README.md.
package story

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/gogo/protobuf/proto"
	"github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/resources"
)

const (
	taskMem      = 32
	executorCPUs = 0.1
	executorMem  = 256
)

// Task is one task that waits for an offer.
type Task struct {
	name, action, command, deed string
	cpus                        float64
}

// Story is what is to be done, and how far it is.
type Story struct {
	Framework, ID, Text string
	Known               []string
	Done                bool

	executor, executorCommand string
	waiting                   []Task
	stays, said, heard        bool
	actions                   map[string]string
	ended                     map[string]bool
}

// Read understands a story's file.
func Read(path string) (*Story, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s := &Story{actions: map[string]string{}, ended: map[string]bool{}}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if err := s.read(strings.Split(line, "\t")); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *Story) read(words []string) error {
	switch rest := words[1:]; words[0] {
	case "framework":
		s.Framework = rest[0]
	case "id":
		s.ID = rest[0]
	case "executor":
		s.executor, s.executorCommand = rest[0], rest[1]
	case "say":
		s.Text = rest[0]
	case "stay":
		s.stays = true
	case "known":
		s.Known = append(s.Known, rest[0])
		s.actions[rest[0]] = rest[1]
	case "task", "deed":
		cpus, err := strconv.ParseFloat(rest[2], 64)
		if err != nil {
			return err
		}
		task := Task{name: rest[0], action: rest[1], cpus: cpus}
		if words[0] == "task" {
			task.command = rest[3]
		} else {
			task.deed = rest[3]
		}
		s.waiting = append(s.waiting, task)
		s.actions[task.name] = task.action
	default:
		return fmt.Errorf("a story has no `%s`", words[0])
	}
	return nil
}

// Waits says whether tasks are left that no offer carried.
func (s *Story) Waits() bool { return len(s.waiting) > 0 }

// Fitting takes the tasks that this offer can carry.
func (s *Story) Fitting(offer *mesos.Offer) (infos []mesos.TaskInfo) {
	cpus, mem := scalar(offer, "cpus"), scalar(offer, "mem")
	if s.executor != "" {
		cpus, mem = cpus-executorCPUs, mem-executorMem
	}
	var left []Task
	for _, task := range s.waiting {
		switch {
		case task.action == "force":
			infos = append(infos, s.info(task, offer.AgentID))
		case task.cpus <= cpus && taskMem <= mem:
			cpus, mem = cpus-task.cpus, mem-taskMem
			infos = append(infos, s.info(task, offer.AgentID))
		default:
			left = append(left, task)
		}
	}
	s.waiting = left
	return infos
}

func (s *Story) info(task Task, agent mesos.AgentID) mesos.TaskInfo {
	info := mesos.TaskInfo{
		Name:      task.name,
		TaskID:    mesos.TaskID{Value: task.name},
		AgentID:   agent,
		Resources: scalars(task.cpus, taskMem),
	}
	if task.deed == "" {
		info.Command = &mesos.CommandInfo{Value: proto.String(task.command)}
		return info
	}
	info.Name = task.deed
	info.Executor = &mesos.ExecutorInfo{
		Type:       mesos.ExecutorInfo_CUSTOM,
		ExecutorID: mesos.ExecutorID{Value: s.executor},
		Command:    &mesos.CommandInfo{Value: proto.String(s.executorCommand)},
		Resources:  scalars(executorCPUs, executorMem),
	}
	return info
}

// Update takes in a status; says whether the task is to be killed, and whether its executor is spoken to.
func (s *Story) Update(status mesos.TaskStatus) (kill, say bool) {
	name, state := status.TaskID.Value, status.GetState()
	reason, source := "-", "-"
	if status.Reason != nil {
		reason = status.Reason.String()
	}
	if status.Source != nil {
		source = status.Source.String()
	}
	Tell("update", name, state.String(), reason, source, status.GetMessage())
	switch state {
	case mesos.TASK_RUNNING:
		if s.Text != "" && !s.said && status.ExecutorID != nil && status.ExecutorID.Value == s.executor {
			s.said, say = true, true
		}
		if s.actions[name] == "kill" {
			// Once: for a second kill, of a task that is gone, the master answers that it is lost.
			s.actions[name], kill = "leave", true
		}
		return kill, say
	case mesos.TASK_FINISHED, mesos.TASK_FAILED, mesos.TASK_KILLED, mesos.TASK_ERROR, mesos.TASK_LOST, mesos.TASK_GONE:
		s.ended[name] = true
		s.look()
	}
	return false, false
}

// Heard takes in what an executor sent.
func (s *Story) Heard(executor, text string) {
	Tell("message", executor, text)
	s.heard = true
	s.look()
}

func (s *Story) look() {
	for name := range s.actions {
		if !s.ended[name] {
			return
		}
	}
	s.Done = !s.stays && s.heard == (s.Text != "")
}

// Tell prints one line of the story.
func Tell(words ...string) {
	for i, word := range words {
		if word == "" {
			words[i] = "-"
		}
	}
	fmt.Println(strings.ReplaceAll(strings.Join(words, "\t"), "\n", " "))
}

func scalar(offer *mesos.Offer, name string) (sum float64) {
	for _, r := range offer.Resources {
		if r.Name == name {
			sum += r.GetScalar().GetValue()
		}
	}
	return sum
}

func scalars(cpus, mem float64) []mesos.Resource {
	return []mesos.Resource{resources.NewCPUs(cpus).Resource, resources.NewMemory(mem).Resource}
}
