// Command screenshots takes the pictures in docs/images: testcrm's page after a
// salesperson's day, on a desktop and on a phone, light and dark.
//
//	go run ./internal/screenshots
//
// It needs Chromium, and has it draw with the machine's fonts: Noto Sans and Noto
// Color Emoji (on Debian: fonts-noto-core, fonts-noto-color-emoji) make the
// pictures that are there.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"
	_ "time/tzdata" // zones also on machines without a zone database

	"github.com/chromedp/chromedp"

	"github.com/crmlog/crmlog/testcrm"
)

func main() {
	dir := flag.String("out", "docs/images", "the `folder` to write to")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := run(ctx, *dir, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "screenshots:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string, out io.Writer) error {
	path, err := chromium()
	if err != nil {
		return err
	}
	crm := testcrm.NewServer(testcrm.ServerConfig{Page: true})
	defer crm.Close()
	web := httptest.NewServer(crm)
	defer web.Close()
	if err := fill(ctx, crm, web.URL); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	tab, closeTab := open(ctx, path)
	defer closeTab()
	for _, s := range []screen{desktop, phone} {
		for _, scheme := range []string{"light", "dark"} {
			err := chromedp.Do(tab, s.use(scheme), chromedp.Navigate(web.URL+"/page/contact?id="+shown.ID))
			if err != nil {
				return err
			}
			picture, err := chromedp.Run(tab, chromedp.CaptureScreenshot())
			if err != nil {
				return err
			}
			name := filepath.Join(dir, s.name+"-"+scheme+".png")
			if err := os.WriteFile(name, picture, 0o644); err != nil {
				return err
			}
			fmt.Fprintf(out, "%s  %d KB\n", name, len(picture)/1000)
		}
	}
	return nil
}
