# bash completion for imageio: the program itself knows its commands and options.
_imageio() {
    local words
    words=$(imageio "[suggest:$COMP_POINT]" "$COMP_LINE" 2>/dev/null) || return
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}")
    [ ${#COMPREPLY[@]} -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
}
complete -o filenames -F _imageio imageio
