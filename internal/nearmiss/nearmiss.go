// Package nearmiss finds methods that look like a handler of a task and are none, so that they would never be called.
package nearmiss

import (
	"fmt"
	"reflect"
	"slices"
)

// Optional is a method that a task may have.
type Optional struct {
	// Interface has that method only.
	Interface reflect.Type
	// Found reports whether the task has it.
	Found bool
}

// Method is an Optional: the only method of an interface type, and whether the task has it.
func Method(of reflect.Type, found bool) Optional { return Optional{Interface: of, Found: found} }

// Of returns a fault for each method of task that has the name of an optional one that was not found. by is the function that
// made the task, such as "ergon.Consumer".
func Of(by string, task reflect.Type, methods []Optional) []error {
	var faults []error
	for _, m := range methods {
		if !m.Found {
			faults = append(faults, nearMiss(by, task, m.Interface)...)
		}
	}
	return faults
}

func nearMiss(by string, task, handler reflect.Type) []error {
	want := handler.Method(0)
	signature := want.Name + "(" + want.Type.String()[len("func("):]
	if got, ok := task.MethodByName(want.Name); ok {
		return []error{fmt.Errorf("%s.%s is not the handler of that name: it is %s, it should be %s",
			task, want.Name, withoutReceiver(got.Type), signature)}
	}
	if task.Kind() == reflect.Pointer {
		return nil
	}
	if _, ok := reflect.PointerTo(task).MethodByName(want.Name); ok {
		return []error{fmt.Errorf("%s.%s has a pointer receiver, but the task was given as a value, so it would never be called; "+
			"give %s a pointer: &%s{…}", task, want.Name, by, task)}
	}
	return nil
}

func withoutReceiver(method reflect.Type) string {
	in := slices.Collect(method.Ins())[1:]
	return reflect.FuncOf(in, slices.Collect(method.Outs()), method.IsVariadic()).String()
}

// Uncalled returns a fault if task has a method that by never calls; cure says what to do.
func Uncalled(by string, task reflect.Type, method, cure string) []error {
	_, has := task.MethodByName(method)
	if !has && task.Kind() != reflect.Pointer {
		_, has = reflect.PointerTo(task).MethodByName(method)
	}
	if !has {
		return nil
	}
	return []error{fmt.Errorf("%s.%s would never be called by a task that %s made; %s", task, method, by, cure)}
}
