package flags

// parseTime reads RFC 3339, or a date alone, into milliseconds of Unix. It is here, and not in package time, because that
// makes errors, and so garbage, of what is no time.
func parseTime(s string) (milliseconds int64, ok bool) {
	year, ok1 := digits(s, 0, 4)
	month, ok2 := digits(s, 5, 2)
	day, ok3 := digits(s, 8, 2)
	if !ok1 || !ok2 || !ok3 || s[4] != '-' || s[7] != '-' || month < 1 || month > 12 || day < 1 || day > daysOf(year, month) {
		return 0, false
	}
	days := daysBefore(year, month) + day - 1
	if len(s) == 10 {
		return days * 86_400_000, true
	}
	hour, ok1 := digits(s, 11, 2)
	minute, ok2 := digits(s, 14, 2)
	second, ok3 := digits(s, 17, 2)
	if !ok1 || !ok2 || !ok3 || s[10] != 'T' && s[10] != 't' && s[10] != ' ' || s[13] != ':' || s[16] != ':' || hour > 23 || minute > 59 || second > 60 {
		return 0, false
	}
	at := ((days*24+hour)*60+minute)*60 + second
	fraction, rest, ok := parseFraction(s[19:])
	if !ok {
		return 0, false
	}
	offset, ok := parseOffset(rest)
	return (at-offset)*1_000 + fraction, ok
}

// digits reads a number of n digits at a place.
func digits(s string, at, n int) (out int64, ok bool) {
	if len(s) < at+n {
		return 0, false
	}
	for _, c := range []byte(s[at : at+n]) {
		if c < '0' || c > '9' {
			return 0, false
		}
		out = 10*out + int64(c-'0')
	}
	return out, true
}

// parseFraction reads ".123456" as milliseconds, cut off.
func parseFraction(s string) (milliseconds int64, rest string, ok bool) {
	if s == "" || s[0] != '.' {
		return 0, s, true
	}
	n := 1
	for scale := int64(100); n < len(s) && s[n] >= '0' && s[n] <= '9'; n++ {
		milliseconds += scale * int64(s[n]-'0')
		scale /= 10
	}
	return milliseconds, s[n:], n > 1
}

// parseOffset reads "Z" or "+02:00" as seconds.
func parseOffset(s string) (seconds int64, ok bool) {
	if s == "Z" || s == "z" {
		return 0, true
	}
	hours, ok1 := digits(s, 1, 2)
	minutes, ok2 := digits(s, 4, 2)
	if len(s) != 6 || !ok1 || !ok2 || s[3] != ':' || s[0] != '+' && s[0] != '-' || hours > 24 || minutes > 59 {
		return 0, false
	}
	seconds = hours*3_600 + minutes*60
	if s[0] == '-' {
		seconds = -seconds
	}
	return seconds, true
}

func isLeap(year int64) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

func daysOf(year, month int64) int64 {
	switch month {
	case 2:
		if isLeap(year) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysBefore is how many days lie between 1970-01-01 and the first of the month, in the Gregorian calendar.
func daysBefore(year, month int64) int64 {
	past := year - 1
	days := past*365 + past/4 - past/100 + past/400 - 719_162
	if year == 0 {
		days = -719_528
	}
	for m := int64(1); m < month; m++ {
		days += daysOf(year, m)
	}
	return days
}

const dayMilliseconds = 86_400_000

func (c *condition) matchesTime(at int64) bool {
	for _, t := range c.more.times {
		var holds bool
		switch c.test {
		case isBefore:
			holds = at < t
		case isBeforeOrAt:
			holds = at <= t
		case isAfter:
			holds = at > t
		case isAfterOrAt:
			holds = at >= t
		default:
			holds = floorDay(at) == floorDay(t)
		}
		if holds {
			return true
		}
	}
	return false
}

func floorDay(at int64) int64 {
	day := at / dayMilliseconds
	if at%dayMilliseconds < 0 {
		day--
	}
	return day
}
