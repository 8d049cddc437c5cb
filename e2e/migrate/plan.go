package migrate

import (
	"slices"
	"strconv"
	"strings"
)

// group is the routes of one middleware.
type group struct {
	name   string
	routes []route
}

// router is a front door: a host, and the middlewares behind it.
type router struct {
	name   string
	hosts  []string
	groups []group // a more specific route is in an earlier group
}

// routers shares the routes out. One middleware has one event format and one authorizer, so an API may need several.
func (p *plan) routers() []router {
	doors := partition(p.routes, route.door)
	all := make([]router, 0, len(doors))
	routers, middlewares := map[string]bool{}, map[string]bool{}
	for _, routes := range doors {
		first := routes[0]
		name := slug(p.name)
		if first.alone {
			name = slug(first.function)
		}
		r := router{name: unique(name, routers), hosts: first.hosts}
		r.groups = groups(r.name, routes, middlewares)
		all = append(all, r)
	}
	return all
}

// door is equal for routes behind one router.
func (r route) door() string {
	if r.alone {
		return "alone " + r.function
	}
	return strings.Join(r.hosts, " ")
}

// partition keeps the order of what has the same key, and of the keys.
func partition(routes []route, key func(route) string) [][]route {
	var order []string
	byKey := map[string][]route{}
	for _, r := range routes {
		k := key(r)
		if byKey[k] == nil {
			order = append(order, k)
		}
		byKey[k] = append(byKey[k], r)
	}
	all := make([][]route, 0, len(order))
	for _, k := range order {
		all = append(all, byKey[k])
	}
	return all
}

// groups puts routes with the same options together, and each before those of other groups that would take its
// requests: a middleware that is asked first must not answer what a more specific route behind it guards.
func groups(name string, routes []route, taken map[string]bool) []group {
	var all []group
	for len(routes) > 0 {
		for _, candidates := range partition(routes, route.key) {
			ready := slices.DeleteFunc(slices.Clone(candidates), func(r route) bool { return mustWait(r, routes) })
			if len(ready) == 0 {
				continue
			}
			all = append(all, group{name: unique(groupName(name, ready[0]), taken), routes: ready})
			routes = slices.DeleteFunc(routes, func(r route) bool {
				return slices.ContainsFunc(ready, func(done route) bool {
					return done.key() == r.key() && done.routeKey() == r.routeKey()
				})
			})
			break
		}
	}
	return all
}

func groupName(name string, r route) string {
	switch {
	case r.function == leftOut:
		return name + "-left-out"
	case r.guard.name != "":
		name += "-" + slug(r.guard.name)
	}
	if r.stream && !r.alone {
		name += "-stream"
	}
	return name
}

func unique(name string, taken map[string]bool) string {
	candidate := name
	for n := 2; taken[candidate]; n++ {
		candidate = name + "-" + strconv.Itoa(n)
	}
	taken[candidate] = true
	return candidate
}

// mustWait reports whether a route of another group is more specific and may be meant by the same request.
func mustWait(r route, others []route) bool {
	return slices.ContainsFunc(others, func(other route) bool { return other.key() != r.key() && moreSpecific(other, r) })
}

// moreSpecific goes by the path, and by the method where that is the same.
func moreSpecific(a, b route) bool {
	headOfGet := a.method == "HEAD" && b.method == "GET" // which answers HEAD as well
	if a.path == b.path {
		return b.method == methodAny && a.method != methodAny || headOfGet
	}
	overlap := a.method == b.method || a.method == methodAny || b.method == methodAny || headOfGet
	return overlap && covers(b.path, a.path) && !covers(a.path, b.path)
}

// covers reports whether each path that fits b fits a too.
func covers(a, b string) bool {
	if a == pathDefault || b == pathDefault {
		return a == pathDefault
	}
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	for i, segment := range as {
		switch {
		case strings.HasSuffix(segment, "+}"):
			return i < len(bs)
		case i >= len(bs) || strings.HasSuffix(bs[i], "+}"):
			return false
		case strings.HasPrefix(segment, "{") && bs[i] != "":
		case segment != bs[i]:
			return false
		}
	}
	return len(as) == len(bs)
}

// slug makes a name that routers, middlewares and Kubernetes' resources can have.
func slug(name string) string {
	name = strings.Trim(notInName.ReplaceAllString(strings.ToLower(name), "-"), "-_")
	name = strings.ReplaceAll(name, "_", "-")
	if name == "" {
		return "functions"
	}
	return name
}
