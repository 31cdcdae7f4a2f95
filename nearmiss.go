package ergon

import (
	"fmt"
	"reflect"
	"slices"
)

// optional is a method that a task may have.
type optional struct {
	interfaceType reflect.Type
	found         bool
}

func isNilPointer(v any) bool {
	r := reflect.ValueOf(v)
	return r.Kind() == reflect.Pointer && r.IsNil()
}

// nearMisses returns a fault for each method of task that has the name of an optional one that was not found.
func nearMisses(by string, task reflect.Type, methods []optional) []error {
	var faults []error
	for _, m := range methods {
		if !m.found {
			faults = append(faults, nearMiss(by, task, m.interfaceType)...)
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

// uncalled returns a fault where task has a method that by never calls.
func uncalled(by string, task reflect.Type, method, cure string) []error {
	_, has := task.MethodByName(method)
	if !has && task.Kind() != reflect.Pointer {
		_, has = reflect.PointerTo(task).MethodByName(method)
	}
	if !has {
		return nil
	}
	return []error{fmt.Errorf("%s.%s would never be called by a task that %s made; %s", task, method, by, cure)}
}
