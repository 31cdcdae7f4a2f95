package airports

import "math"

// Miles are statute miles, the unit of the distances of flights.
type Miles float64

// earthRadius is that of a sphere with the mean radius of the Earth, 6,371.009 km.
const earthRadius Miles = 3958.761

// Distance is the length of the great circle between two airports, by the haversine formula, which is also exact for points that
// are close to each other. The Earth is flattened, so the error is up to 0.5 %.
func Distance(from, to Airport) Miles {
	const radians = math.Pi / 180
	latitude1, latitude2 := from.Latitude*radians, to.Latitude*radians
	h := haversine(latitude2-latitude1) + math.Cos(latitude1)*math.Cos(latitude2)*haversine((to.Longitude-from.Longitude)*radians)
	return 2 * earthRadius * Miles(math.Asin(math.Sqrt(min(h, 1))))
}

func haversine(angle float64) float64 {
	half := math.Sin(angle / 2)
	return half * half
}

// Agrees reports whether a stated distance agrees with the great circle. The tolerance is 0.5 %, because the Earth is not a sphere,
// and two miles, because airports are not points and stated distances are whole miles.
func (m Miles) Agrees(stated Miles) bool {
	return math.Abs(float64(stated-m)) <= 2+0.005*float64(stated)
}
