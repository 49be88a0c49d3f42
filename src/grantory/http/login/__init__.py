"""What a person sees in a browser between an application's request and its answer."""
