// Which names of files a configuration may give.

const MAX_NAME_CHARS = 255;
const MAX_PATH_CHARS = 1024;

/** What a plain file name is, in words that follow "must be". */
export const FILE_NAME_RULE = "the plain name of a file";

/** What a path inside a folder is, in words that follow "must be". */
export const INSIDE_PATH_RULE = "a relative path inside the model's folder";

/** Whether a text is the name of a file and nothing else: no folder, no `..`, nothing that some system reads as one. */
export function isFileName(name: string): boolean {
  return name.length <= MAX_NAME_CHARS && !/[/\\:\p{Cc}]/u.test(name) && name !== "" && name !== "." && name !== "..";
}

/** Whether a text is a relative path that goes through plain names only. Links are for whoever opens it to check. */
export function isInsidePath(path: string): boolean {
  return path.length <= MAX_PATH_CHARS && path.split("/").every(isFileName);
}
