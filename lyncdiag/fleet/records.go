package fleet

import (
	"context"
	"iter"
	"runtime"
	"sync"

	"github.com/lyncdiag/go-lyncdiag/dnscheck"
	"github.com/lyncdiag/go-lyncdiag/lyncdiag"
)

// recordsWindow bounds the results that wait for one that is late, some kilobytes
// each: as many as come while a question is given up.
const recordsWindow = 1024

// records asks for the records of all jobs' domains and judges what comes, in as
// many goroutines as run at a time.
func (r *run) records(ctx context.Context, jobs iter.Seq2[Job, error]) error {
	if r.diagnoser.Rules == nil {
		r.diagnoser.Rules = lyncdiag.DefaultRules()
	}
	type waiting struct {
		index int
		job   Job
	}
	var mu sync.Mutex
	asked := map[string][]waiting{} // by domain; one may be named twice
	var badJobs error
	domains := func(yield func(string) bool) {
		badJobs = r.dispatch(ctx, jobs, func(index int, job Job) bool {
			domain := job.Target.Domain
			if ascii, err := dnscheck.ASCII(domain); err == nil {
				domain = ascii // as results have it
			}
			mu.Lock()
			asked[domain] = append(asked[domain], waiting{index, job})
			first := len(asked[domain]) == 1
			mu.Unlock()
			return !first || yield(domain)
		})
	}
	results := make(chan *dnscheck.Result)
	var judges sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		judges.Go(func() {
			for res := range results {
				mu.Lock()
				list := asked[res.Domain]
				delete(asked, res.Domain)
				mu.Unlock()
				for _, w := range list {
					e := ended{index: w.index}
					facts, report := r.diagnoser.JudgeRecords(w.job.Target, res)
					e.result, e.err = r.result(w.job, facts, report)
					r.done <- e
				}
			}
		})
	}
	var unasked error
	for res, err := range r.Records.Ask(ctx, domains) {
		if err != nil {
			unasked = err
			break
		}
		results <- res
	}
	close(results)
	judges.Wait()
	if badJobs != nil || ctx.Err() != nil {
		return badJobs
	}
	return unasked
}
