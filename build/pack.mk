# What authors of backends build against. Included by the Makefile.

PACKAGES = out/packages

.PHONY: pack

pack: ## NuGet packages for authors of backends into out/packages
	dotnet pack ImageIO.Core -c $(CONFIGURATION) -o $(PACKAGES) --nologo -v quiet
	dotnet pack ImageIO.Backends.Testing -c $(CONFIGURATION) -o $(PACKAGES) --nologo -v quiet
