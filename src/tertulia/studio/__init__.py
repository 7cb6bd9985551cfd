"""The web page of tertulia: files of our own, and the policy that browsers hold them to.

    page/         the page itself: HTML, CSS and JavaScript modules, served as they are
    page/vendor/  Preact, htm and signals, with their versions and licences
    serving       the files as routes of a server

There is nothing to build, and nothing of it is fetched from elsewhere.
"""
