// net/http, pgx with its pool and its prepared statements, golang-jwt.
//
// Environment: PORT, SECRET, GOMAXPROCS, and libpq's PGHOST, PGPORT, PGUSER, PGDATABASE. Ends with its
// standard input. Written for what Debian 12 packages: Go 1.19, pgx 4, golang-jwt 4.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/golang-jwt/jwt"
	"github.com/jackc/pgx/v4"
	"github.com/jackc/pgx/v4/pgxpool"
)

const (
	columns = "id, user_id, title, description, completed, created_at, updated_at"
	get     = "SELECT " + columns + " FROM tasks WHERE id = $1 AND user_id = $2"
	list    = "SELECT " + columns + " FROM tasks WHERE user_id = $1 ORDER BY id DESC"
	create  = "INSERT INTO tasks (user_id, title, description) VALUES ($1, $2, $3) RETURNING " + columns
	toggle  = "UPDATE tasks SET completed = NOT completed," +
		" updated_at = date_trunc('milliseconds', clock_timestamp())" +
		" WHERE id = $1 AND user_id = $2 RETURNING " + columns
	maxBody        = 1 << 20
	maxTitle       = 200
	maxDescription = 10_000
)

// moment is a time in UTC with milliseconds, as JavaScript writes it.
type moment struct{ time.Time }

func (m moment) MarshalJSON() ([]byte, error) {
	return m.UTC().AppendFormat(make([]byte, 0, 26), `"2006-01-02T15:04:05.000Z"`), nil
}

type task struct {
	ID          int64   `json:"id"`
	UserID      string  `json:"user_id"`
	Title       string  `json:"title"`
	Description *string `json:"description"`
	Completed   bool    `json:"completed"`
	CreatedAt   moment  `json:"created_at"`
	UpdatedAt   moment  `json:"updated_at"`
}

func (t *task) scan(row pgx.Row) error {
	return row.Scan(&t.ID, &t.UserID, &t.Title, &t.Description, &t.Completed, &t.CreatedAt.Time, &t.UpdatedAt.Time)
}

type newTask struct {
	Title       string  `json:"title"`
	Description *string `json:"description"`
}

func (n *newTask) isValid() bool {
	n.Title = strings.TrimSpace(n.Title)
	length := utf8.RuneCountInString(n.Title)
	return 1 <= length && length <= maxTitle &&
		(n.Description == nil || utf8.RuneCountInString(*n.Description) <= maxDescription)
}

type detail struct {
	Detail string `json:"detail"`
}

type server struct {
	pool   *pgxpool.Pool
	parser *jwt.Parser
	secret []byte
}

func (s *server) userID(r *http.Request) string {
	text := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	claims := jwt.StandardClaims{}
	key := func(*jwt.Token) (any, error) { return s.secret, nil }
	if _, err := s.parser.ParseWithClaims(text, &claims, key); err != nil {
		return ""
	}
	return claims.Subject
}

func (s *server) tasks(w http.ResponseWriter, r *http.Request) {
	user := s.userID(r)
	switch {
	case user == "":
		write(w, http.StatusUnauthorized, detail{"Invalid token"})
	case r.Method == http.MethodGet:
		s.list(w, r, user)
	case r.Method == http.MethodPost:
		s.create(w, r, user)
	default:
		write(w, http.StatusMethodNotAllowed, detail{"Method not allowed"})
	}
}

func (s *server) task(w http.ResponseWriter, r *http.Request) {
	user := s.userID(r)
	text := strings.TrimPrefix(r.URL.Path, "/api/tasks/")
	isToggle := strings.HasSuffix(text, "/complete")
	id, err := strconv.ParseInt(strings.TrimSuffix(text, "/complete"), 10, 64)
	switch {
	case user == "":
		write(w, http.StatusUnauthorized, detail{"Invalid token"})
	case err != nil:
		write(w, http.StatusUnprocessableEntity, detail{"The id is no number"})
	case r.Method == http.MethodGet && !isToggle:
		s.one(w, r, http.StatusOK, get, id, user)
	case r.Method == http.MethodPatch && isToggle:
		s.one(w, r, http.StatusOK, toggle, id, user)
	default:
		write(w, http.StatusMethodNotAllowed, detail{"Method not allowed"})
	}
}

func (s *server) list(w http.ResponseWriter, r *http.Request, user string) {
	rows, err := s.pool.Query(r.Context(), list, user)
	if err != nil {
		fail(w, err)
		return
	}
	defer rows.Close()
	found := make([]task, 0, 32)
	for rows.Next() {
		var t task
		if err := t.scan(rows); err != nil {
			fail(w, err)
			return
		}
		found = append(found, t)
	}
	if err := rows.Err(); err != nil {
		fail(w, err)
		return
	}
	write(w, http.StatusOK, found)
}

func (s *server) create(w http.ResponseWriter, r *http.Request, user string) {
	var body newTask
	if json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&body) != nil || !body.isValid() {
		write(w, http.StatusUnprocessableEntity, detail{"invalid"})
		return
	}
	s.one(w, r, http.StatusCreated, create, user, body.Title, body.Description)
}

func (s *server) one(w http.ResponseWriter, r *http.Request, status int, query string, values ...any) {
	var found task
	err := found.scan(s.pool.QueryRow(r.Context(), query, values...))
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		write(w, http.StatusNotFound, detail{"Task not found"})
	case err != nil:
		fail(w, err)
	default:
		write(w, status, found)
	}
}

func write(w http.ResponseWriter, status int, content any) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(content); err != nil {
		fail(w, err)
		return
	}
	body.Truncate(body.Len() - 1) // the line feed that Encode adds
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(status)
	w.Write(body.Bytes())
}

func fail(w http.ResponseWriter, err error) {
	log.Print(err)
	http.Error(w, `{"detail":"Internal error"}`, http.StatusInternalServerError)
}

func endWithStandardInput() {
	io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

func main() {
	config, err := pgxpool.ParseConfig("pool_max_conns=10 pool_min_conns=10")
	if err != nil {
		log.Fatal(err)
	}
	pool, err := pgxpool.ConnectConfig(context.Background(), config)
	if err != nil {
		log.Fatal(err)
	}
	s := &server{pool, jwt.NewParser(jwt.WithValidMethods([]string{"HS256"})), []byte(os.Getenv("SECRET"))}
	mux := http.NewServeMux()
	mux.HandleFunc("/api/tasks", s.tasks)
	mux.HandleFunc("/api/tasks/", s.task)
	go endWithStandardInput()
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), mux))
}
